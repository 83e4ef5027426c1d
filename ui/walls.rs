//! What sources may not know, may not say and may not become, looked up in them.

mod functions;
mod rooms;
mod secrets;
mod source;
mod words;

use source::{places, sources};

#[test]
fn front_ends_know_views_and_not_the_decision_core() {
    let nobody: [String; 0] = [];
    let ui = sources(&["ui"]);
    assert_eq!(places(&ui, |line| line.contains("casimir_dkg::oracle")), nobody);
    let braced = |line: &str| line.trim_start().starts_with("use casimir_dkg::{") && line.contains("oracle");
    assert_eq!(places(&ui, braced), nobody);
}
