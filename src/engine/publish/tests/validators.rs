//! ValidatorRows of validators that are made again only where something may have moved.

use super::*;

fn validator(pool: u32) -> ValidatorView {
    ValidatorView {
        pool: PoolId(pool),
        public_key: BlsPublicKey([u8::try_from(pool).unwrap(); 48]),
        operators: vec![],
        index: None,
        status: "active_ongoing".into(),
        reshares: (0, 3),
        can_reshare: Can::Yes,
        can_exit: Can::Yes,
    }
}

#[test]
fn rows_are_shared_until_one_changes_and_are_always_what_making_all_of_them_gives() {
    let mut state = state(Mode::Supervised);
    let mut known = Arc::new((1..=9).map(validator).collect::<Vec<_>>());
    let mut rows = ValidatorRows::default();
    let mut look = |state: &State, known: &Arc<Vec<ValidatorView>>| {
        let shown = rows.views(state, known);
        assert_eq!(shown, ValidatorRows::default().views(state, known));
        shown
    };
    let all: Vec<u32> = (1..=9).collect();
    let none = look(&state, &known);
    assert!(none.iter().all(|row| !row.can_exit.is_yes()), "nothing is staked");
    take(&mut state, lists(&[], &all[..8]));
    let staked = look(&state, &known);
    assert_eq!(staked.iter().filter(|row| row.can_exit.is_yes()).count(), 8);
    take(&mut state, lists(&[], &all));
    let more = look(&state, &known);
    assert!(more[8].can_exit.is_yes());
    assert!(Arc::ptr_eq(&more, &look(&state, &known)));

    let by = SafeText::new("ada");
    let (reshare, exit) = (
        oracle::Command::Reshare(PoolId(3)),
        oracle::Command::RequestExit(PoolId(4)),
    );
    for (command, place) in [(reshare, 2), (exit, 3)] {
        let before = look(&state, &known);
        obeyed(&mut state, by.as_str(), command);
        let after = look(&state, &known);
        let changed: Vec<_> = (0..9).filter(|at| before[*at] != after[*at]).collect();
        assert_eq!(changed, [place]);
    }

    // a record of a pool that is none of them changes no row
    let before = look(&state, &known);
    propose(&mut state, case_id(RequestKind::Deposit, 30), keygen(), vec![]);
    assert!(Arc::ptr_eq(&before, &look(&state, &known)));

    let mut told = Vec::clone(&known);
    told[5].status = "exited_unslashed".into();
    known = Arc::new(told);
    assert!(!look(&state, &known)[5].can_exit.is_yes());
}
