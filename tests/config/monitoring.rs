//! What runs tells of itself: the real programs are asked, and their answers compared with the documentation, the alert
//! rules and the dashboard.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::view::WaitReason;
use serde_json::Value;

use super::support::{self, MINIMAL};
use crate::scrape::{DASHBOARD, Labels, RUNNING, families, labels, named, selectors, targets};

/// For machines that are busy with something else.
const TIMEOUT: Duration = crate::TIMEOUT;
const README: &str = include_str!("../../config/monitoring/README.md");
const RULES: &str = include_str!("../../config/monitoring/alerts.yml");
const CASES: &str = include_str!("../../config/monitoring/alerts.test.yml");

/// A running role, killed when dropped.
struct Role {
    child: Child,
    stdout: Arc<Mutex<Vec<String>>>,
    stderr: Arc<Mutex<Vec<String>>>,
}

impl Role {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .env("CASIMIR_DKG_METRICS_LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = listen(child.stdout.take().unwrap());
        let stderr = listen(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    #[track_caller]
    fn says<T>(&self, what: &str, find: impl Fn(&[String], &[String]) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            let (out, err) = (
                self.stdout.lock().unwrap().clone(),
                self.stderr.lock().unwrap().clone(),
            );
            if let Some(found) = find(&out, &err) {
                return found;
            }
            let (out, err) = (out.join("\n"), err.join("\n"));
            assert!(begun.elapsed() < TIMEOUT, "{what} was not said:\n{out}\n{err}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where it is asked how it is, as its log says.
    #[track_caller]
    fn monitor(&self) -> SocketAddr {
        self.says("the monitor's address", |_, err| {
            let line = err.iter().find(|line| line.contains("answers /metrics"))?;
            let at = line.find("127.0.0.1:")?;
            let address: String = line[at..]
                .chars()
                .take_while(|c| c.is_ascii_digit() || ".:".contains(*c))
                .collect();
            address.parse().ok()
        })
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let said = Arc::<Mutex<Vec<String>>>::default();
    let lines = Arc::clone(&said);
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
    said
}

/// Status and body.
fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// A headless oracle whose surroundings are all away.
fn oracle(scratch: &Path, more: &str) -> Role {
    let file = scratch.join("c.toml");
    let text = MINIMAL.replace("127.0.0.1:8545", &crate::nobody().to_string());
    let others = format!("[dkg]\nmessenger_url = \"http://{}\"\n", crate::nobody());
    fs::write(&file, format!("{text}{others}{}{more}", support::operators())).unwrap();
    let mut program = support::program(scratch);
    Role::start(program.args(["--json", "--config"]).arg(&file).arg("headless"))
}

fn messenger(scratch: &Path) -> Role {
    let mut program = support::program(scratch);
    Role::start(program.args(["messenger", "--listen", "127.0.0.1:0"]))
}

fn operator(scratch: &Path) -> Role {
    let key = OperatorPrivateKey::generate().unwrap();
    fs::write(scratch.join("key.pem"), key.to_pem().unwrap().as_bytes()).unwrap();
    let public = key.public().to_registry_text();
    let table =
        format!("[[operator]]\nid = 5\nendpoint = \"http://127.0.0.1:1\"\npublic_key = \"{public}\"\n");
    fs::write(scratch.join("operators.toml"), table).unwrap();
    let mut program = support::program(scratch);
    program.args([
        "operator",
        "--id",
        "5",
        "--listen",
        "127.0.0.1:0",
        "--messenger",
        "http://127.0.0.1:1",
    ]);
    Role::start(program.args(["--operators", "operators.toml", "--key-file", "key.pem"]))
}

/// Every family of every role, and the labels of their samples.
fn scraped() -> (BTreeMap<String, String>, Labels) {
    let scratch = || tempfile::tempdir().unwrap();
    let (one, two, three) = (scratch(), scratch(), scratch());
    let roles = [
        oracle(
            one.path(),
            "[[notices.to]]\nname = \"somebody\"\ncommand = [\"true\"]\n",
        ),
        messenger(two.path()),
        operator(three.path()),
    ];
    // whom it knows is shown once it has looked
    let begun = Instant::now();
    let shown = ["casimir_oracle_endpoint_up{", "casimir_oracle_operator_up{"];
    while !shown
        .map(|of| get(roles[0].monitor(), "/metrics").1.contains(of))
        .iter()
        .all(|so| *so)
    {
        assert!(begun.elapsed() < TIMEOUT, "neither endpoints nor operators");
        std::thread::sleep(Duration::from_millis(50));
    }
    let scrapes = roles.iter().map(|role| get(role.monitor(), "/metrics"));
    let mut all = BTreeMap::new();
    let mut labelled = Labels::new();
    for (status, scrape) in scrapes {
        assert_eq!(status, 200);
        promtool(&["check", "metrics"], &scrape);
        all.extend(families(&scrape));
        labels(&scrape, &mut labelled);
    }
    (all, labelled)
}

/// Two endpoints of one provider differ in their keys only, which nobody is shown: Prometheus drops the second of two
/// equal series, or refuses the scrape.
#[test]
fn no_series_is_there_twice_when_two_endpoints_look_alike() {
    let scratch = tempfile::tempdir().unwrap();
    let node = crate::nobody();
    let [one, other] = ["a", "b"].map(|key| format!("http://{node}/{}", key.repeat(32)));
    let file = scratch.path().join("c.toml");
    let text = MINIMAL.replace("\"http://127.0.0.1:8545\"", &format!("\"{one}\", \"{other}\""));
    let others = format!(
        "[beacon]\nurls = [\"{one}\", \"{other}\"]\n[dkg]\nmessenger_url = \"http://{}\"\n{}",
        crate::nobody(),
        support::operators()
    );
    fs::write(&file, text + &others).unwrap();
    let mut program = support::program(scratch.path());
    let role = Role::start(program.args(["--json", "--config"]).arg(&file).arg("headless"));
    let begun = std::time::Instant::now();
    let (mut seen, mut scrape) = (0, String::new());
    while seen < 4 {
        assert!(begun.elapsed() < crate::TIMEOUT, "{scrape}");
        scrape = get(role.monitor(), "/metrics").1;
        let mut series: Vec<_> = scrape
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| Some(line.rsplit_once(' ')?.0))
            .collect();
        let all = series.len();
        series.sort_unstable();
        series.dedup();
        assert_eq!(all, series.len(), "{scrape}");
        let up = series
            .iter()
            .filter(|line| line.starts_with("casimir_oracle_endpoint_up"));
        seen = up.filter(|line| line.contains("…")).count();
    }
}

/// Prometheus' own word, where its tool is in the path; elsewhere the rest of the test must do.
#[allow(clippy::disallowed_macros, reason = "tells what was not looked at")]
fn promtool(arguments: &[&str], stdin: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/monitoring");
    let started = Command::new("promtool")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("promtool is not in the path: what it would say of this is not known");
        return;
    };
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "promtool {}: {said}",
        arguments.join(" ")
    );
}

#[test]
fn metrics_rules_dashboard_and_documentation_speak_of_the_same() {
    let (scraped, labels) = scraped();
    let documented: BTreeMap<&str, &str> = README
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter(|line| line.starts_with("casimir_") || line.starts_with("process_"))
        .map(|line| {
            let cells: Vec<_> = line.trim_end_matches(" |").split(" | ").collect();
            (cells[0].trim_end_matches('`'), *cells.last().unwrap())
        })
        .collect();
    let told: BTreeMap<&str, &str> = scraped
        .iter()
        .map(|(name, help)| (name.as_str(), help.as_str()))
        .collect();
    assert_eq!(documented, told);
    for text in [RULES, CASES, DASHBOARD] {
        for name in named(text) {
            assert!(told.contains_key(name), "{name} is in no scrape");
        }
    }
    assert!(named(RULES).len() > 10 && named(DASHBOARD).len() > 20);
    let is_scraped = |(metric, label, value): &(String, String, String)| {
        let values = labels.get(metric).and_then(|of| of.get(label));
        values.is_some_and(|values| values.contains(value))
    };
    let expressions = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "));
    let rules: Vec<_> = expressions.flat_map(selectors).collect();
    assert!(rules.len() > 5, "{rules:?}");
    let targets = targets();
    let selected = targets.iter().flat_map(|target| selectors(&target.expression));
    for selector in rules.into_iter().chain(selected) {
        assert!(is_scraped(&selector), "{selector:?} selects what is in no scrape");
    }
    // what legends name as well; `instance` comes from Prometheus itself
    for target in targets {
        for label in &target.legend {
            let metrics = named(&target.expression);
            let of = |metric: &&str| labels.get(*metric).is_some_and(|of| of.contains_key(label));
            // those have samples where something runs, and are looked at there
            let runs = metrics.iter().all(|metric| RUNNING.contains(metric));
            let known = label == "instance" || runs || metrics.iter().any(of);
            assert!(known, "{label} of {}", target.expression);
        }
    }
    let series = CASES.split("series: '").skip(1);
    let series = series.map(|rest| rest.split_once('\'').unwrap().0);
    for (metric, label, _) in series.flat_map(selectors) {
        let of = labels.get(&metric);
        let known = of.is_some_and(|of| of.contains_key(&label)) || RUNNING.contains(&&*metric);
        assert!(known, "{metric} has no label {label}");
    }
    promtool(&["check", "rules", "alerts.yml"], "");
    promtool(&["test", "rules", "alerts.test.yml"], "");
}

/// promtool runs the cases where it is in the path; that there are any is known everywhere.
#[test]
fn every_alert_has_a_case_in_which_it_fires() {
    let rules: BTreeSet<&str> = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(rules.len() > 10, "{rules:?}");
    let mut cases = CASES.split("alertname: ");
    let _before = cases.next();
    let mut fired = BTreeSet::new();
    for case in cases {
        let end = case.find(|c: char| !c.is_ascii_alphanumeric()).unwrap();
        let name = &case[..end];
        assert!(rules.contains(name), "{name} is no rule");
        if case.contains("exp_alerts:") {
            fired.insert(name);
        }
    }
    assert_eq!(fired, rules);
}

#[test]
fn the_dashboard_is_one() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels {
        let targets = panel["targets"].as_array().unwrap();
        assert!(
            targets
                .iter()
                .all(|target| !named(target["expr"].as_str().unwrap()).is_empty())
        );
    }
}

#[test]
fn the_documentation_says_what_every_reason_to_wait_means() {
    let rows: Vec<&str> = README
        .lines()
        .skip_while(|line| !line.starts_with("| waits for"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let reasons = WaitReason::ALL.iter().map(|reason| {
        format!(
            "| `{}` | {} | {} | {} s | {} | {} |",
            reason.code(),
            reason.severity(),
            reason.stops().word(),
            reason.usual_for().as_secs(),
            reason.means(),
            reason.can_do()
        )
    });
    assert_eq!(rows, reasons.collect::<Vec<_>>());
}

#[test]
fn an_oracle_whose_surroundings_are_away_says_why_once_in_each_place() {
    let scratch = tempfile::tempdir().unwrap();
    let told = scratch.path().join("told");
    let script = format!("cat >> {}; echo >> {}", told.display(), told.display());
    let receiver = format!("[[notices.to]]\nname = \"file\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n");
    let oracle = oracle(scratch.path(), &receiver);
    let waiting = oracle.says("the contract that is waited for", |out, _| {
        let lines = out
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut waits = lines.filter(|line| line["type"] == "waits");
        waits.find(|line| line["waits_for"] == "contract-unread")
    });
    assert_eq!((&waiting["v"], &waiting["phase"]), (&1.into(), &"begun".into()));
    assert_eq!(
        (&waiting["severity"], &waiting["stops"]),
        (&"critical".into(), &"everything".into())
    );
    // the endpoint is left alone for a while after refusals, so the rest of the sentence changes
    let why = |line: &Value, key: &str| {
        let words = line[key].as_str().unwrap().to_owned();
        assert!(words.starts_with("waiting for the contract: "), "{words}");
    };
    why(&waiting, "reason");
    assert_eq!(waiting["can_do"][0], WaitReason::ContractUnread.can_do());
    // all of four operators and the messenger are down, which is found out when they are asked
    oracle.says("the messenger and the operators", |out, _| {
        let said = |reason| {
            out.iter()
                .any(|line| line.contains(&format!("\"waits_for\":\"{reason}\"")))
        };
        (said("messenger-away") && said("operators-short") && said("operator-down")).then_some(())
    });

    let at = oracle.monitor();
    assert_eq!(get(at, "/livez").0, 200);
    let (status, ready) = get(at, "/readyz");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(
        (status, &ready["ready"], &ready["mode"]),
        (503, &false.into(), &"observe".into())
    );
    let reasons = ready["why"].as_array().unwrap();
    let contract = reasons
        .iter()
        .find(|one| one["waits_for"] == "contract-unread")
        .unwrap();
    why(contract, "reason");
    let (_, scrape) = get(at, "/metrics");
    let counted =
        "casimir_oracle_waits{reason=\"contract-unread\",severity=\"critical\",stops=\"everything\"} 1";
    assert!(scrape.contains(counted), "{scrape}");

    let noticed = oracle.says("a notice", |_, _| {
        let text = fs::read_to_string(&told).ok()?;
        let notices = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        notices
            .into_iter()
            .find(|notice| notice["reason"] == "contract-unread")
    });
    assert_eq!(
        (&noticed["kind"], &noticed["phase"]),
        (&"endpoint-down".into(), &"begun".into())
    );
    why(&noticed, "sentence");

    let stderr = oracle.stderr.lock().unwrap().join("\n");
    assert!(
        !stderr.contains("waiting for the contract"),
        "it is said on stdout already:\n{stderr}"
    );
    for line in oracle.stdout.lock().unwrap().iter() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["v"], 1, "{line}");
        assert!(line["type"].is_string() && line["at"].is_string(), "{line}");
    }
}

#[test]
fn a_messenger_is_ready_and_an_operator_without_one_is_not() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (messenger, operator) = (messenger(one.path()), operator(two.path()));
    let (status, ready) = get(messenger.monitor(), "/readyz");
    assert_eq!(status, 200, "{ready}");
    let at = operator.monitor();
    let (status, ready) = get(at, "/readyz");
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["operator"]), (503, &5.into()));
    assert!(
        ready["why"][0].as_str().unwrap().contains("registration"),
        "{ready}"
    );
    assert_eq!(get(at, "/livez").0, 200);
}

/// Answers every request so, and tells how many there were.
fn answering(answer: &'static str) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let requests = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 2_048];
            let read = stream.read(&mut head).unwrap_or_default();
            requests
                .lock()
                .unwrap()
                .push(String::from_utf8_lossy(&head[..read]).into_owned());
            if answer.is_empty() {
                // it hangs
                std::thread::spawn(move || (std::thread::sleep(TIMEOUT), stream));
                continue;
            }
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (address, asked)
}

#[test]
fn notify_test_says_what_came_of_each_receiver() {
    let scratch = tempfile::tempdir().unwrap();
    let (takes, taken) = answering("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (moves, _) = answering(moved);
    let (hangs, hung) = answering("");
    let file = scratch.path().join("c.toml");
    let mut text = "[network]\nname = \"devnet\"\n".to_owned();
    for (name, at) in [
        ("takes", takes),
        ("moves", moves),
        ("hangs", hangs),
        ("refuses", crate::nobody()),
    ] {
        text += &format!("[[notices.to]]\nname = \"{name}\"\nurl = \"http://{at}/hook?key=s3cret\"\n");
    }
    // its secret is gone, which is no reason not to try the others
    text += "[[notices.to]]\nname = \"secretless\"\nformat = \"telegram\"\nsecret_file = \"gone\"\nchat = \"1\"\n";
    fs::write(&file, text).unwrap();
    let mut program = support::program(scratch.path());
    let (code, stdout, stderr) = support::run(
        program
            .args(["--json", "--config"])
            .arg(&file)
            .args(["notify", "test"]),
    );
    assert_eq!(code, Some(1), "{stdout}{stderr}");
    assert!(
        !stdout.contains("s3cret") && !stderr.contains("s3cret"),
        "{stdout}{stderr}"
    );
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let problem = |name: &str| {
        let line = lines.iter().find(|line| line["name"] == name).unwrap();
        line["problem"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(problem("takes"), "");
    assert!(
        problem("moves").contains("redirects are not followed"),
        "{}",
        problem("moves")
    );
    assert!(
        problem("hangs").contains("no answer within 10 s"),
        "{}",
        problem("hangs")
    );
    assert!(
        problem("refuses").contains("connection refused"),
        "{}",
        problem("refuses")
    );
    assert!(
        problem("secretless").contains("gone"),
        "{}",
        problem("secretless")
    );
    assert_eq!(lines.iter().filter(|line| line["type"] == "notice").count(), 5);
    let failure = lines.last().unwrap()["error"].as_str().unwrap();
    assert!(failure.contains("secretless: "), "{failure}");
    assert_eq!((taken.lock().unwrap().len(), hung.lock().unwrap().len()), (1, 1));
    assert!(taken.lock().unwrap()[0].contains("x-casimir-timestamp: "));

    let mut program = support::program(scratch.path());
    let one = program
        .arg("--config")
        .arg(&file)
        .args(["notify", "test", "takes"]);
    let (code, stdout, _) = support::run(one);
    assert_eq!(
        (code, stdout.trim_end()),
        (
            Some(0),
            format!("takes (webhook http://{takes}/hook): delivered").as_str()
        )
    );
    let mut program = support::program(scratch.path());
    let nobody = program
        .arg("--config")
        .arg(&file)
        .args(["notify", "test", "nobody"]);
    let (code, _, stderr) = support::run(nobody);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("nobody in [[notices.to]] is called \"nobody\""),
        "{stderr}"
    );
}

/// A webhook that never answers holds up neither the engine nor its end for long.
#[test]
fn a_webhook_that_hangs_holds_nothing_up() {
    let scratch = tempfile::tempdir().unwrap();
    let (hangs, asked) = answering("");
    let receiver = format!("[[notices.to]]\nname = \"hangs\"\nurl = \"http://{hangs}/\"\n");
    let mut oracle = oracle(scratch.path(), &receiver);
    oracle.says("a call of the webhook", |_, _| {
        (!asked.lock().unwrap().is_empty()).then_some(())
    });
    assert_eq!(get(oracle.monitor(), "/livez").0, 200, "the engine goes around");
    let pid = rustix::process::Pid::from_child(&oracle.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = oracle.child.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < TIMEOUT, "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(0));
    oracle.says("what was not delivered", |_, err| {
        err.iter()
            .any(|line| line.contains("the last notices were not delivered in time"))
            .then_some(())
    });
}
