//! What closes by itself while a person types or answers. The other person at another console decides when they like: the
//! letters that are still on their way would retry a case, pause it, or take an approval back.

use super::*;
use crate::console::app::{Closed, Meant};

/// Closes what lies over the screen, though nobody pressed a key for that, and says why. Where keys went to it, a box takes
/// its place and swallows them until it is closed.
pub(super) fn by_itself(app: &mut App, why: String) {
    let meant = app.overlay.take().map_or(Meant::Read, |overlay| overlay.meant());
    let unused = match meant {
        Meant::Read => None,
        Meant::Typed(None) => Some("what is typed now is not used".to_owned()),
        Meant::Typed(Some(text)) => Some(format!("what was typed is not used: {text}")),
        Meant::Answered => Some("the question is closed, and nothing was sent".to_owned()),
        Meant::Chosen => Some("the choice of operators is not used".to_owned()),
    };
    app.say(Token::Warn, why.clone());
    app.overlay = unused.map(|unused| Overlay::Closed(Closed { why, unused }));
}

/// The same where the person pressed enter and a question was to follow: its answer may be on its way.
pub(super) fn instead_of_a_question(app: &mut App, why: String) {
    app.say(Token::Warn, why.clone());
    app.overlay = Some(Overlay::Closed(Closed {
        why,
        unused: "nothing is asked, and nothing was sent".to_owned(),
    }));
}
