//! A demo that is shown for long, with levers at random: it goes on serving, its memory stays flat, and what it keeps
//! verifies. `CASIMIR_DKG_SOAK=1800 cargo test --test whole at_a_terminal::soak -- --ignored --nocapture` pulls them for 30 minutes; the
//! seed is printed, and `SEED` repeats it.

use std::path::Path;
use std::time::{Duration, Instant};

use casimir_dkg::journal;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;

use super::demo::{SOON, WORK};
use super::terminal::Terminal;

/// What memory may grow by in the second half, MiB.
const GROWTH: u64 = 32;
/// Between two levers, milliseconds.
const PAUSE: std::ops::Range<u64> = 500..4_000;
/// After so many levers all is mended and somebody has looked, so that work goes on: what needs a person, as after a
/// stranger's transaction, the rules leave alone.
const MENDED_AFTER: usize = 6;

/// Every lever that leaves a network which can be mended; `{}` is one of the operators or of the endpoints.
const LEVERS: &[&str] = &[
    "pool",
    "pool",
    "pool",
    "reshare",
    "kill {}",
    "hang {}",
    "slow {} 2",
    "lie {}",
    "equivocate {}",
    "heal {}",
    "messenger 5",
    "cut {}",
    "lag {}",
    "reorg 3",
    "basefee 2",
    "basefee 40",
    "stranger",
    "beacon-away",
    "forward 60",
    "mend",
];

fn number(name: &str, or: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(or, |said| {
        said.parse().unwrap_or_else(|_| panic!("{name} is a number"))
    })
}

fn said(terminal: &Terminal, what: &str) -> usize {
    String::from_utf8_lossy(&terminal.raw()).matches(what).count()
}

fn resident_mib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() / 1024
}

fn mend(terminal: &mut Terminal) {
    terminal.press("lever calm\rlever mend\r");
    for operator in 1..=5 {
        terminal.press(&format!("lever heal {operator}\r"));
    }
    terminal.press("lever basefee 1\rresume\rmode auto auto\r");
}

#[test]
#[ignore = "takes minutes: .ci/run full"]
#[expect(clippy::disallowed_macros, reason = "its figures are printed")]
fn a_demo_with_levers_at_random_goes_on_and_its_memory_stays_flat() {
    let (lasts, seed) = (
        Duration::from_secs(number("CASIMIR_DKG_SOAK", 120)),
        number("SEED", 1),
    );
    println!("SEED={seed}");
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("kept");
    let keep = kept.to_str().unwrap();
    let arguments = [
        "demo",
        "--plain",
        "--pools",
        "1",
        "--operators",
        "5",
        "--no-requests",
        "--keep",
        keep,
    ];
    let mut terminal = Terminal::start(&arguments, home.path(), &[], 200, 50);
    terminal.wait_raw("Type help for what can be typed", WORK);
    terminal.press("mode auto auto\r");
    terminal.wait_raw("approved by rule", WORK);
    let pid = terminal.pid();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let (began, mut middle, mut pulled) = (Instant::now(), None, 0);
    while began.elapsed() < lasts {
        let lever = LEVERS.choose(&mut rng).unwrap();
        let most = if lever.starts_with("cut") || lever.starts_with("lag") {
            2
        } else {
            5
        };
        let lever = lever.replace("{}", &rng.gen_range(1..=most).to_string());
        terminal.press(&format!("lever {lever}\r"));
        pulled += 1;
        if pulled % MENDED_AFTER == 0 {
            mend(&mut terminal);
        }
        std::thread::sleep(Duration::from_millis(rng.gen_range(PAUSE)));
        if began.elapsed() > lasts / 2 {
            middle.get_or_insert_with(|| resident_mib(pid));
        }
    }
    mend(&mut terminal);
    // somebody who comes now is served as ever
    let deposited = "the transaction is included in block";
    let before = said(&terminal, deposited);
    terminal.press("lever pool\r");
    terminal.find_raw("deposit after all is mended", lasts.max(WORK), |raw| {
        (raw.matches(deposited).count() > before).then_some(())
    });
    let (middle, end) = (middle.unwrap_or_default(), resident_mib(pid));
    println!("{pulled} levers, {before} transactions, memory {middle} MiB halfway and {end} MiB at the end");
    assert!(
        middle > 0 && end <= middle + GROWTH,
        "memory grew from {middle} to {end} MiB"
    );
    // the first asks where something is under way
    terminal.press("quit\rquit\r");
    let status = terminal.end(SOON);
    assert!(status.success(), "{status:?}:\n{}", terminal.text());
    let (report, _) = journal::verify(Path::new(&kept.join("journal.sqlite"))).unwrap();
    assert!(report.records > 0);
}
