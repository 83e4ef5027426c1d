//! What is said of an exit that came to its end.

use super::*;
use crate::engine::publish::{cases, exits};

/// An exit that was asked for and then ended so: its word, what came of it, and the word of its case.
fn ended(record: impl FnOnce(CaseId) -> Vec<Record>) -> (String, String, String) {
    let mut state = state(Mode::Supervised);
    let case = case_id(RequestKind::Exit, 3);
    let cause = Cause::Manual {
        by: "ada".into(),
        at: UnixMillis(1),
    };
    state.apply(1, UnixMillis(1), &Record::CaseOpened { case, cause });
    for record in record(case) {
        state.apply(2, UnixMillis(2), &record);
    }
    let exit = exits::view(&state, case).unwrap();
    let of_case = cases::view(&state, case).unwrap().status;
    (
        exit.state.to_string(),
        exit.outcome.to_string(),
        of_case.to_string(),
    )
}

#[test]
fn an_exit_that_is_over_has_the_word_of_its_case() {
    let given_up = ended(|case| {
        let (by, reason) = ("ada".into(), "not that one".into());
        vec![Record::CaseGivenUp { case, by, reason }]
    });
    assert_eq!(given_up.0, "given up");
    assert!(
        given_up.1.contains("given up by ada: not that one"),
        "{}",
        given_up.1
    );
    let orphaned = ended(|case| vec![Record::CauseLost { case }]);
    assert_eq!(orphaned.0, "orphaned");
    assert!(
        orphaned.1.contains("its request is not in the chain"),
        "{}",
        orphaned.1
    );
    let gone = ended(|case| {
        let outcome = SafeText::new("its request left the chain for good");
        vec![Record::CauseLost { case }, Record::CaseClosed { case, outcome }]
    });
    assert_eq!(
        (gone.0.as_str(), gone.1.as_str()),
        ("orphaned", "its request left the chain for good")
    );
    let done = ended(|case| {
        let outcome = SafeText::new("withdrawn");
        vec![Record::CaseClosed { case, outcome }]
    });
    assert_eq!(done.0, "done");
    for (word, _, of_case) in [given_up, orphaned, gone, done] {
        assert_eq!(word, of_case);
    }
}
