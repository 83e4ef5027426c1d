//! The levers of the director as words: what can be typed, and what each is for. One table serves the parser, the
//! console's page and the tests.

use std::str::FromStr;
use std::time::Duration;

use crate::devnet::proxy::nearest;
use crate::types::OperatorId;

/// Blocks below this are as good as final for whoever shows the network: their states are pruned.
pub const DEEPEST_REORG: u64 = 64;
/// A day: enough for every limit that is counted by days.
const MOST_FORWARD: u64 = 86_400;
/// Longest rate, delay or absence, seconds.
const LONGEST: u64 = 3_600;
/// Highest base fee, gwei.
const HIGHEST_FEE: u64 = 100_000;

/// What is asked of stakers and staked pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StakerRequest {
    Pool,
    Reshare,
    Exit,
}

/// Something that the director does to the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lever {
    /// Once, or again and again.
    Ask {
        wish: StakerRequest,
        every: Option<Duration>,
    },
    /// No more of what was asked for at a rate.
    Calm,
    Operator(OperatorId, Fate),
    /// The messenger is away for so long.
    Messenger(Duration),
    /// The nth endpoint, from 1.
    Endpoint(usize, Fault),
    Scenario(String),
    /// Which scenarios there are.
    Scenarios,
    /// The newest blocks; those that are final only where it is said.
    Reorg {
        depth: u64,
        even_final: bool,
    },
    /// In gwei.
    BaseFee(u64),
    Stranger,
    BeaconRefuses,
    BeaconAway,
    Forward(Duration),
    /// Endpoints, messenger and beacon are as they were.
    Mend,
}

/// What becomes of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Kill,
    Hang,
    Slow(Duration),
    Lie,
    Equivocate,
    Heal,
}

/// What becomes of an execution endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Cut,
    Lag,
    Forge,
}

/// One row of the table of levers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeverRow {
    pub word: &'static str,
    /// What is typed behind the word; what stands in brackets may be left out.
    pub arguments: &'static str,
    /// What it does, as a sentence without its end.
    pub does: &'static str,
    /// What to look at afterwards.
    pub watch: &'static str,
}

const fn row(
    word: &'static str,
    arguments: &'static str,
    does: &'static str,
    watch: &'static str,
) -> LeverRow {
    LeverRow {
        word,
        arguments,
        does,
        watch,
    }
}

/// Every lever.
#[rustfmt::skip]
pub const LEVERS: &[LeverRow] = &[
    row("pool", "[SECONDS]", "a staker fills a pool, now or every so many seconds", "a key generation that waits in the approvals"),
    row("reshare", "[SECONDS]", "a staked pool asks for a reshare", "a case reshare/… in the pool events"),
    row("exit", "[SECONDS]", "a staked pool asks for its exit", "a case exit/… in the pool events, and a phrase to type"),
    row("calm", "", "ends what was asked for at a rate", "nothing new in the pool events"),
    row("kill", "OPERATOR", "kills the operator's process", "operators in the header within 4 s; a ceremony that it is in names it when the round's deadline passes; new proposals do without it"),
    row("hang", "OPERATOR", "stops the operator's process where it stands: connections stay, answers do not come", "in a ceremony that runs its cell stays empty until the deadline, and then it is named; before one it is passed over: what names it is proposed anew without it, and an approval of that is void; in the header it is unknown, not down: silence proves nothing"),
    row("slow", "OPERATOR [SECONDS]", "the operator's messages take so much longer (8)", "the matrix: everybody waits for its cell"),
    row("lie", "OPERATOR", "the operator's proofs are false, signed with its own key", "the next key generation with it (e chooses the committee): it is named as the one who broke the protocol"),
    row("equivocate", "OPERATOR", "the operator sends two different messages for one round", "the next key generation with it (e chooses the committee) is void, and it is named"),
    row("heal", "OPERATOR", "the operator runs, is honest and as fast as before", "operators in the header: it counts again within 30 s where it was killed or hung, for a process has to start and be asked; slow or false ones are as before at once"),
    row("messenger", "[SECONDS]", "the messenger is away (15)", "the endpoints in the header; a ceremony that runs is of unknown outcome until it is found"),
    row("cut", "ENDPOINT", "an execution endpoint breaks every connection", "rpc in the header; endpoints-agree is unknown, so a person decides"),
    row("lag", "ENDPOINT", "an execution endpoint is 20 blocks behind", "the head stands still for 20 blocks, until the one that lags has come up to it, and then goes on 20 blocks behind: what one endpoint alone claims is not believed, and the alarm says which block each of them told when that was seen"),
    row("forge", "ENDPOINT", "an execution endpoint tells an exit that nobody asked for", "the endpoint in the list of endpoints: it is contradicted, and stays marked; no case exit/… is opened by it"),
    row("scenario", "[NAME]", "any scenario of the fault proxy, such as head-stands-still, at endpoint 1 where it is about one; alone it lists them, and with a first word, such as head, those of it", "what the scenario says"),
    row("reorg", "BLOCKS [final]", "replaces the newest blocks by empty ones; up to 64 of them, even final ones, where that is said", "cases of these blocks are orphaned; what was sent is sent again as it was"),
    row("basefee", "GWEI", "the next block's base fee", "base fee in the header; what is sent waits or is replaced under its ceiling"),
    row("stranger", "", "somebody else sends a transaction from the oracle's account", "everything pauses with the alarm foreign-transaction until a person has looked; P resumes"),
    row("beacon-refuses", "", "the beacon node refuses every exit", "an exit that is published stays in the pane of exits, with the node's words"),
    row("beacon-away", "", "the beacon node answers 503 to everything", "beacon in the header; key-unknown-to-beacon is unknown"),
    row("forward", "SECONDS", "puts the clocks of chain and beacon forward together", "epochs pass at once; from an hour on the finding about the clock is expected, since only this machine's clock stayed"),
    row("mend", "", "endpoints, messenger and beacon are as they were", "the header is green within 10 s where an endpoint answered now and then, and within 50 s where it was cut: after 3 failures in a row it is left alone for up to 40 s at a time; one that was contradicted stays marked"),
];

/// The row of [`LEVERS`] that begins with this word.
#[must_use]
pub fn lever_row(word: &str) -> Option<&'static LeverRow> {
    LEVERS.iter().find(|row| row.word == word)
}

/// A line that is no lever.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLever {
    #[error("there is no lever {word}{meant}")]
    Unknown { word: String, meant: String },
    #[error("{word} wants {wants}")]
    Arguments { word: &'static str, wants: String },
}

impl FromStr for Lever {
    type Err = NoLever;

    fn from_str(line: &str) -> Result<Self, NoLever> {
        let mut words = line.split_whitespace();
        let word = words.next().unwrap_or_default();
        let Some(row) = lever_row(word) else {
            let meant = nearest(word, LEVERS.iter().map(|row| row.word));
            return Err(NoLever::Unknown {
                word: if word.is_empty() { "without a name" } else { word }.to_owned(),
                meant: meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?")),
            });
        };
        let given: Vec<&str> = words.collect();
        read(row.word, &given).ok_or_else(|| NoLever::Arguments {
            word: row.word,
            wants: match row.arguments {
                "" => "nothing behind it".to_owned(),
                arguments => {
                    let seconds = if row.word == "forward" {
                        MOST_FORWARD
                    } else {
                        LONGEST
                    };
                    let ranges = [
                        ("SECONDS", format!("1 to {seconds}")),
                        ("BLOCKS", format!("1 to {DEEPEST_REORG}")),
                        ("GWEI", format!("1 to {HIGHEST_FEE}")),
                        ("OPERATOR", "an id from 1 on".to_owned()),
                        ("ENDPOINT", "a number from 1 on".to_owned()),
                    ];
                    let told = ranges.iter().filter(|(word, _)| arguments.contains(word));
                    let told: Vec<String> = told.map(|(word, range)| format!("{word}: {range}")).collect();
                    match told.is_empty() {
                        true => arguments.to_owned(),
                        false => format!("{arguments} ({})", told.join(", ")),
                    }
                }
            },
        })
    }
}

/// None: the words behind it are not what it wants.
fn read(word: &str, given: &[&str]) -> Option<Lever> {
    let number = |nth: usize| given.get(nth).map(|text| text.parse::<u64>().ok());
    let first = || number(0)?.filter(|n| *n >= 1);
    let operator = |fate| first().map(|id| Lever::Operator(OperatorId(id), fate));
    let endpoint = |fault| {
        let nth = usize::try_from(first()?).ok()?;
        Some(Lever::Endpoint(nth, fault))
    };
    let seconds = |nth: usize, usual: u64| match number(nth) {
        None => Some(Duration::from_secs(usual)),
        Some(given) => given
            .filter(|n| (1..=LONGEST).contains(n))
            .map(Duration::from_secs),
    };
    let every = || match number(0) {
        None => Some(None),
        Some(_) => seconds(0, 0).map(Some),
    };
    let most = if ["slow", "reorg"].contains(&word) { 2 } else { 1 };
    let none = ["calm", "stranger", "beacon-refuses", "beacon-away", "mend"].contains(&word);
    if given.len() > most || (none && !given.is_empty()) {
        return None;
    }
    let ask = |wish| every().map(|every| Lever::Ask { wish, every });
    match word {
        "pool" => ask(StakerRequest::Pool),
        "reshare" => ask(StakerRequest::Reshare),
        "exit" => ask(StakerRequest::Exit),
        "calm" => Some(Lever::Calm),
        "kill" => operator(Fate::Kill),
        "hang" => operator(Fate::Hang),
        "slow" => operator(Fate::Slow(seconds(1, 8)?)),
        "lie" => operator(Fate::Lie),
        "equivocate" => operator(Fate::Equivocate),
        "heal" => operator(Fate::Heal),
        "messenger" => seconds(0, 15).map(Lever::Messenger),
        "cut" => endpoint(Fault::Cut),
        "lag" => endpoint(Fault::Lag),
        "forge" => endpoint(Fault::Forge),
        "scenario" => Some(match given.first() {
            Some(name) => Lever::Scenario((*name).to_owned()),
            None => Lever::Scenarios,
        }),
        "reorg" => Some(Lever::Reorg {
            depth: first().filter(|n| *n <= DEEPEST_REORG)?,
            even_final: match given.get(1) {
                None => false,
                Some(word) => (*word == "final").then_some(true)?,
            },
        }),
        "basefee" => first().filter(|n| *n <= HIGHEST_FEE).map(Lever::BaseFee),
        "stranger" => Some(Lever::Stranger),
        "beacon-refuses" => Some(Lever::BeaconRefuses),
        "beacon-away" => Some(Lever::BeaconAway),
        "forward" => first()
            .filter(|n| *n <= MOST_FORWARD)
            .map(|n| Lever::Forward(Duration::from_secs(n))),
        "mend" => Some(Lever::Mend),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_nothing_more_than_it_says() {
        for row in LEVERS {
            let argument = if row.word == "scenario" {
                "endpoints-hang"
            } else {
                "3"
            };
            let full = match row.arguments {
                "" => row.word.to_owned(),
                _ => format!("{} {argument}", row.word),
            };
            assert!(full.parse::<Lever>().is_ok(), "{full}");
            let bare = row.word.parse::<Lever>();
            let optional = row.arguments.is_empty() || row.arguments.starts_with('[');
            assert_eq!(bare.is_ok(), optional, "{}", row.word);
            assert!(format!("{full} 3 3").parse::<Lever>().is_err(), "{full}");
            assert!(!row.does.is_empty() && !row.watch.is_empty());
        }
    }

    /// Whatever range is told holds at both of its ends, and no further.
    #[test]
    fn a_range_that_is_told_is_the_one_that_is_taken() {
        for row in LEVERS {
            let beyond = format!("{} 99999999", row.word);
            let Err(error) = beyond.parse::<Lever>() else {
                continue;
            };
            let error = error.to_string();
            let Some((_, most)) = error.rsplit_once(": 1 to ") else {
                continue;
            };
            let most: u64 = most.trim_end_matches(')').parse().unwrap();
            for (given, taken) in [(0, false), (1, true), (most, true), (most + 1, false)] {
                let line = format!("{} {given}", row.word);
                assert_eq!(line.parse::<Lever>().is_ok(), taken, "{line}: {error}");
            }
        }
    }

    /// An endpoint that was cut is left alone for a while, and looked at a moment after that.
    #[test]
    fn how_long_it_takes_until_all_is_mended_is_what_the_back_off_allows() {
        let longest = crate::chain::rpc::RpcConfig::new(vec![], 1).longest_pause();
        let watch = lever_row("mend").unwrap().watch;
        let pause = format!("left alone for up to {} s", longest.as_secs());
        let green = format!("within {} s where it was cut", longest.as_secs() + 10);
        assert!(
            watch.contains(&pause) && watch.contains(&green),
            "{longest:?}: {watch}"
        );
    }

    #[test]
    fn what_is_too_much_or_unknown_is_refused_in_words() {
        for (line, even_final) in [("reorg 64", false), ("reorg 64 final", true)] {
            let depth = 64;
            assert_eq!(line.parse(), Ok(Lever::Reorg { depth, even_final }));
        }
        for (line, says) in [
            ("reorg 65", "reorg wants BLOCKS"),
            ("reorg 6 now", "reorg wants BLOCKS"),
            ("kill 0", "kill wants OPERATOR"),
            ("kil 3", "did you mean kill?"),
            ("", "without a name"),
            ("mend 1", "mend wants nothing behind it"),
            ("forward 0", "forward wants SECONDS (SECONDS: 1 to 86400)"),
            ("forward 86401", "SECONDS: 1 to 86400"),
            ("basefee 0", "basefee wants GWEI (GWEI: 1 to 100000)"),
            ("basefee 100001", "GWEI: 1 to 100000"),
            ("pool 3601", "SECONDS: 1 to 3600"),
            ("cut 0", "ENDPOINT: a number from 1 on"),
        ] {
            let error = line.parse::<Lever>().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
