//! The faults in the simulated world: where each comes about there, or why it cannot.

/// Where a fault is in the simulated world.
#[derive(Debug)]
pub(super) enum Simulated {
    /// File and function by which it comes about; the comment above that names the number.
    By(&'static str, &'static str),
    /// Why it is not there.
    Not(&'static str),
}

use Simulated::{By, Not};

/// Where the simulated world stands.
pub(super) const SIM: &str = "src/core/oracle/sim";

const BELOW: &str = "Endpoints and what is between us and them are below the core: of all this it is told that nobody answers (F17).";
const BYTES: &str = "Bytes from outside are read, bounded and made harmless before the core sees them.";
const SCREEN: &str = "The core has no screen and no terminal.";

/// By number, in the order of the list.
pub(super) const SIMULATED: &[(&str, Simulated)] = &[
    (
        "F01",
        By(
            "boundaries.rs",
            "every_kind_of_case_survives_a_death_at_every_boundary",
        ),
    ),
    ("F02", By("world.rs", "die")),
    ("F03", By("world.rs", "die")),
    ("F04", By("world.rs", "die")),
    ("F05", By("world.rs", "durable_of")),
    ("F06", By("world.rs", "durable_of")),
    ("F07", By("chain.rs", "request_or_withdraw")),
    (
        "F08",
        By(
            "found.rs",
            "f08_a_request_that_leaves_the_chain_takes_its_approval_with_it",
        ),
    ),
    (
        "F11",
        By("found.rs", "f11_a_request_that_is_told_twice_is_one_case"),
    ),
    ("F13", By("logs.rs", "read_events")),
    ("F15", By("chain.rs", "inspect")),
    ("F17", By("work.rs", "answer")),
    ("F18", Not(BELOW)),
    ("F19", Not(BELOW)),
    ("F20", Not(BELOW)),
    ("F22", By("work.rs", "answer")),
    ("F23", By("work.rs", "sign")),
    ("F24", By("chain.rs", "grow")),
    ("F25", By("chain.rs", "call")),
    ("F27", By("chain.rs", "facts")),
    ("F28", By("chain.rs", "strange_transaction")),
    ("F29", By("people.rs", "decide")),
    (
        "F30",
        Not(
            "While nothing can be written the shell gives the core no input; what was not written is as in F05.",
        ),
    ),
    (
        "F32",
        Not("The core is given the records of a journal that was verified."),
    ),
    ("F34", By("ceremonies.rs", "hear")),
    ("F35", By("ceremonies.rs", "hear")),
    ("F37", By("ceremonies.rs", "hear")),
    ("F38", By("ceremonies.rs", "hear")),
    ("F39", By("ceremonies.rs", "hear")),
    (
        "F41",
        Not(
            "Signatures and the deposits for a key are checks of the desk: the core sees that one fails, whichever it is.",
        ),
    ),
    ("F42", By("ceremonies.rs", "hear")),
    (
        "F45",
        Not(
            "A beacon node that is not in sync is passed over before the core: it is told that none answers (F17).",
        ),
    ),
    ("F47", By("beacon.rs", "offer")),
    (
        "F48",
        By(
            "exits/outcomes.rs",
            "an_exit_that_is_too_early_waits_and_sends_itself_under_its_approval",
        ),
    ),
    ("F52", Not(BYTES)),
    ("F53", Not(BYTES)),
    ("F55", Not(SCREEN)),
    ("F56", By("work.rs", "perform")),
    ("F58", By("world.rs", "die")),
    (
        "F60",
        By("lives.rs", "everything_comes_to_its_end_whatever_happens"),
    ),
];
