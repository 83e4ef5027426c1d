//! The audit page of a case: one file that tells it from the journal, and how to verify it.

use super::*;

/// The audit key.
pub(super) fn start(app: &mut App) -> Vec<Effect> {
    let Some(case) = app.subject_case() else {
        app.say(
            Token::Info,
            "select a case, an action or a ceremony to have its audit page written",
        );
        return vec![];
    };
    app.say(Token::Info, format!("writing the audit page of {case} …"));
    vec![Effect::Audit(case)]
}

/// It was written, or not.
pub(super) fn written(app: &mut App, file: Result<String, String>) {
    match file {
        Ok(file) => app.say(
            Token::Ok,
            format!("the audit page is {file}: open it in a browser"),
        ),
        Err(why) => app.say(Token::Warn, format!("no audit page was written: {why}")),
    }
}
