//! A block that is final by nobody else's word.

use serde_json::json;

use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::rpc::{Made, RpcCall};

/// The newest block is called final.
#[derive(Debug, Clone, Copy)]
pub(in crate::devnet::proxy) struct HeadFinal;

impl HeadFinal {
    pub(super) fn concerns(method: &str) -> bool {
        method == "eth_getBlockByNumber"
    }

    pub(super) fn before(self, call: &mut RpcCall, fired: &mut Fired) -> Option<Made> {
        if let Some(tag) = call.sent.get_mut(0)
            && matches!(tag.as_str(), Some("finalized" | "safe"))
        {
            *tag = json!("latest");
            fired.strike("called the newest block final");
        }
        None
    }
}
