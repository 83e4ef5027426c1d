//! `doctor` against parts that live and parts that do not.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::Address;
use casimir_dkg::config;
use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::engine::service;
use serde_json::{Value, json};

use super::support::{self, MINIMAL};

/// What was looked at, the verdict, the finding and the hint of a line.
pub(super) type Line = (String, String, String, String);

pub(super) fn findings(stdout: &str) -> Vec<Line> {
    stdout
        .lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            (text("what"), text("verdict"), text("found"), text("hint"))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_has_its_line_and_a_failure_its_exit_code() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = messenger::spawn(MessengerConfig::new("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    // an operator's node answers /ping and /version as a messenger does
    let alive = messenger.url();
    let mut operators = support::operators();
    for id in 1..=3 {
        operators = operators.replace(&format!("http://127.0.0.1:{}", 8080 + id), &alive);
    }
    // the fourth is away, and nobody listens on the execution node's port
    operators = operators.replace("http://127.0.0.1:8084", "http://127.0.0.1:1");
    let text = MINIMAL.replace("http://127.0.0.1:8545", "http://me:hunter2@127.0.0.1:1");
    let file = scratch.path().join("c.toml");
    fs::write(
        &file,
        format!("{text}[dkg]\nmessenger_url = \"{alive}\"\n{operators}"),
    )
    .unwrap();
    let run = |json: bool| {
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).arg("doctor");
        if json {
            program.arg("--json");
        }
        support::run(&mut program)
    };
    let (json, text) = tokio::task::spawn_blocking({
        let (json, text) = (run(true), run(false));
        move || (json, text)
    })
    .await
    .unwrap();
    messenger.shutdown().await;

    let (code, stdout, stderr) = json;
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let found = findings(&stdout);
    let verdict = |what: &str| {
        let line = found.iter().find(|(name, ..)| name.starts_with(what));
        line.unwrap_or_else(|| panic!("nothing about {what} in {stdout}"))
            .clone()
    };
    for (what, expected) in [
        ("configuration", "ok"),
        ("state directory", "ok"),
        ("journal", "ok"),
        ("rpc http://127.0.0.1:1", "fail"),
        ("second endpoint", "warn"),
        ("signer", "ok"),
        ("messenger", "ok"),
        ("operator 1", "ok"),
        ("operator 4", "warn"),
        // nobody listens at the fourth's address, and silence would prove nothing
        ("committee", "fail"),
        ("beacon nodes", "warn"),
    ] {
        let (_, got, finding, hint) = verdict(what);
        assert_eq!(got, expected, "{what}: {finding}");
        assert!(got == "ok" || !hint.is_empty(), "{what} says what to do");
    }
    assert!(
        verdict("committee")
            .2
            .contains("3 of 4 candidates answer, 4 are needed")
    );

    let (code, stdout, _) = text;
    assert_eq!(code, Some(1));
    assert!(
        stdout.contains("FAIL  committee") && stdout.trim_end().ends_with("to look at"),
        "{stdout}"
    );
    assert!(!scratch.path().join("state").exists(), "looking changes nothing");
}

/// What one voice cannot make is asked of each rule by the kinds that it covers.
#[tokio::test(flavor = "multi_thread")]
async fn with_one_endpoint_each_rule_must_allow_what_its_kinds_take_two_voices_for() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let told = async |unknown_ok: &str| {
        let rule = format!(
            "[[policy.rule]]\nname = \"moves\"\nkinds = [\"reshare\", \"send-reshare\"]\nmax_fee = \"0.05 ETH\"\nper_day = 3\n\
             unknown_ok = {unknown_ok}\n"
        );
        let text = MINIMAL.replace("http://127.0.0.1:8545", "http://127.0.0.1:1");
        let messenger = "[dkg]\nmessenger_url = \"http://127.0.0.1:1\"\n";
        let operators = support::operators();
        fs::write(&file, format!("{text}{messenger}{rule}{operators}")).unwrap();
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).args(["doctor", "--json"]);
        let (_, stdout, stderr) = tokio::task::spawn_blocking(move || support::run(&mut program))
            .await
            .unwrap();
        let found = findings(&stdout);
        let line = found.into_iter().find(|(what, ..)| what == "second endpoint");
        line.unwrap_or_else(|| panic!("{stdout}{stderr}"))
    };
    let (_, grade, _, hint) = told("[\"endpoints-agree\", \"registration-nonce\"]").await;
    assert_eq!(grade, "warn");
    assert!(hint.contains("\"reshares-left\" in the rule moves"), "{hint}");
    let (_, grade, found, _) = told("[\"endpoints-agree\", \"reshares-left\"]").await;
    assert_eq!(grade, "ok");
    assert!(found.ends_with("the rules allow that"), "{found}");
}

/// One rule for everybody who is asked: an operator's host that nobody can resolve is reached over the proxy, and what is
/// on this machine is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_configured_proxy_stands_before_others_and_never_before_this_machine() {
    let scratch = tempfile::tempdir().unwrap();
    let messenger = messenger::spawn(MessengerConfig::new("127.0.0.1:0".parse().unwrap()))
        .await
        .unwrap();
    // it answers whoever asks, as a proxy would for the host that is meant
    let proxy = messenger.url();
    let operators = support::operators().replace("http://127.0.0.1:8081", "http://operator.invalid");
    let file = scratch.path().join("c.toml");
    let run = |http: &str| {
        fs::write(&file, format!("{MINIMAL}[http]\n{http}\n{operators}")).unwrap();
        let mut program = support::program(scratch.path());
        program.env("HTTP_PROXY", &proxy).env("NO_PROXY", "");
        program.arg("--config").arg(&file).args(["doctor", "--json"]);
        let (_, stdout, _) = tokio::task::block_in_place(|| support::run(&mut program));
        findings(&stdout)
    };
    let verdict = |found: &[(String, String, String, String)], what: &str| {
        let line = found.iter().find(|(name, ..)| name.starts_with(what));
        line.map(|(_, verdict, ..)| verdict.clone()).unwrap_or_default()
    };
    for rule in ["", &format!("proxy = \"{proxy}\"")] {
        let found = run(rule);
        assert_eq!(verdict(&found, "operator 1"), "ok", "{rule}: {found:?}");
        assert_eq!(verdict(&found, "operator 2"), "warn", "{rule}: {found:?}");
    }
    let found = run("proxy = \"none\"");
    assert_eq!(verdict(&found, "operator 1"), "warn", "{found:?}");
    let found = run("ca_file = \"nowhere.pem\"");
    assert_eq!(verdict(&found, "http"), "fail", "{found:?}");
    messenger.shutdown().await;
}

/// An execution node of the devnet whose newest block has this timestamp, and an account with this nonce.
async fn chain(timestamp: u64, nonce: u64) -> String {
    let answer = move |axum::Json(call): axum::Json<Value>| async move {
        let block = json!({
            "number": "0x5", "hash": format!("0x{}", "05".repeat(32)), "parentHash": format!("0x{}", "04".repeat(32)),
            "timestamp": format!("{timestamp:#x}"), "baseFeePerGas": "0x7",
            "logsBloom": format!("0x{}", "00".repeat(256)),
        });
        let result = match call["method"].as_str().unwrap_or_default() {
            "eth_chainId" => json!("0x7a69"),
            "eth_blockNumber" => json!("0x5"),
            "eth_getBalance" => json!("0xde0b6b3a7640000"),
            "eth_getTransactionCount" => json!(format!("{nonce:#x}")),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => block,
            _ => json!("0x"),
        };
        axum::Json(json!({"jsonrpc": "2.0", "id": call["id"], "result": result}))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The clock, the account's past, who holds it, and who is told: each with the way on where something is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn the_clock_the_accounts_past_its_holder_and_the_receivers_have_a_line_each() {
    let account = Address::repeat_byte(0x51);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let configured = |url: &str, receivers: &str| {
        let text = MINIMAL.replace("http://127.0.0.1:8545", url);
        let signer = format!("[signer]\naddress = \"{account}\"\n");
        fs::write(
            &file,
            format!("{text}{signer}{receivers}{}", support::operators()),
        )
        .unwrap();
    };
    let look = || {
        let mut program = support::program(scratch.path());
        program.arg("--config").arg(&file).args(["doctor", "--json"]);
        let (_, stdout, stderr) = tokio::task::block_in_place(|| support::run(&mut program));
        assert_eq!(stderr, "", "{stdout}");
        findings(&stdout)
    };
    let line = |found: &[(String, String, String, String)], what: &str| {
        let line = found.iter().find(|(name, ..)| name == what);
        let (_, verdict, found, hint) = line.unwrap_or_else(|| panic!("nothing about {what} in {found:?}"));
        (verdict.clone(), found.clone(), hint.clone())
    };

    configured(&chain(now, 0).await, "");
    let found = look();
    for (what, words) in [
        ("clock", "after the newest block"),
        ("account's past", "0 transactions"),
        ("oracle", "none runs here"),
        ("notices", "nobody is told"),
    ] {
        let (verdict, found, _) = line(&found, what);
        assert!(
            verdict == "ok" && found.contains(words),
            "{what}: {verdict} {found}"
        );
    }

    let receivers = "[[notices.to]]\nname = \"here\"\ncommand = [\"sh\", \"-c\", \"true\"]\n\
                     [[notices.to]]\nname = \"gone\"\ncommand = [\"/nowhere/pager\"]\n\
                     [[notices.to]]\nname = \"secret\"\nformat = \"slack\"\nurl_file = \"/nowhere/url\"\n";
    configured(&chain(now + 90_000, 5).await, receivers);
    let held = config::load(&support::options(&file, scratch.path())).unwrap();
    assert!(!scratch.path().join("state").exists(), "looking changes nothing");
    let alone = service::alone(&held, account).await.unwrap();
    let found = look();
    for (what, expected, words, way_on) in [
        ("clock", "fail", "s behind the newest block", "NTP"),
        (
            "account's past",
            "warn",
            "has sent 5 transactions of which this journal knows nothing",
            "adopt",
        ),
        (
            "oracle",
            "warn",
            "one runs here for this account (process ",
            "stop it",
        ),
        ("notices to here", "ok", "`casimir-dkg notify test`", ""),
        ("notices to gone", "fail", "/nowhere/pager", "executable"),
        ("notices to secret", "fail", "/nowhere/url", ""),
    ] {
        let (verdict, found, hint) = line(&found, what);
        assert!(
            verdict == expected && found.contains(words) && hint.contains(way_on),
            "{what}: {verdict} {found} {hint}"
        );
    }
    drop(alone);
    assert!(line(&look(), "oracle").1.contains("none runs here"));
    let left = fs::read_dir(scratch.path().join("state")).unwrap().count();
    assert_eq!(left, 0, "looking changes nothing, and a claim leaves nothing");
}

/// Nobody is asked to sign for that.
#[test]
fn a_signer_elsewhere_is_asked_whether_it_is_there() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("c.toml");
    let address = crate::nobody();
    let signer = format!(
        "[signer]\nkind = \"remote\"\nurl = \"http://me:hunter2@{address}\"\naddress = \
         \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n"
    );
    let text = MINIMAL.replace("127.0.0.1:8545", "127.0.0.1:1");
    fs::write(&file, format!("{text}{signer}{}", support::operators())).unwrap();
    let mut program = support::program(scratch.path());
    program.arg("--config").arg(&file).args(["doctor", "--json"]);
    let (code, stdout, _) = support::run(&mut program);
    assert_eq!(code, Some(1), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let found = findings(&stdout);
    let (_, verdict, finding, hint) = found.iter().find(|(what, ..)| what == "signer").unwrap();
    assert_eq!(verdict, "fail", "{finding}");
    assert!(finding.ends_with(": connection refused"), "{finding}");
    assert!(hint.contains("signer.url"), "{hint}");
}

/// A role by itself: its own lines, and until when its certificate is good.
#[tokio::test(flavor = "multi_thread")]
async fn a_messenger_and_an_operators_node_are_looked_at_by_themselves() {
    let scratch = tempfile::tempdir().unwrap();
    let (file, tls) = (scratch.path().join("c.toml"), scratch.path().join("tls.pem"));
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2096, 1, 1);
    fs::write(&tls, params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(scratch.path().join("tls.key"), key.serialize_pem()).unwrap();
    let tls = "tls_certificate_file = \"tls.pem\"\ntls_key_file = \"tls.key\"\n";
    let text = format!(
        "[messenger]\nlisten = \"127.0.0.1:0\"\n{tls}[node]\nid = 1\nlisten = \"127.0.0.1:0\"\n{tls}\
         messenger_url = \"http://127.0.0.1:1\"\nkey_file = \"nowhere.pem\"\n"
    );
    fs::write(&file, text).unwrap();
    let run = async |role: &str| {
        let mut program = support::program(scratch.path());
        program
            .arg("--config")
            .arg(&file)
            .args(["doctor", role, "--json"]);
        let ran = tokio::task::spawn_blocking(move || support::run(&mut program))
            .await
            .unwrap();
        findings(&ran.1)
    };
    let verdict = |found: &[(String, String, String, String)], what: &str| {
        let line = found.iter().find(|line| line.0 == what);
        line.map(|(_, verdict, found, _)| (verdict.clone(), found.clone()))
            .unwrap_or_else(|| panic!("{what}: {found:?}"))
    };
    let found = run("messenger").await;
    let (grade, words) = verdict(&found, "certificate");
    assert!(
        grade == "ok" && words.contains("tls.pem is good until 2096-01-01 "),
        "{words}"
    );
    assert_eq!(verdict(&found, "port").0, "ok");
    assert_eq!(verdict(&found, "operators").0, "warn", "no key of any is known");
    assert_eq!(verdict(&found, "initiators").0, "warn");

    let found = run("operator").await;
    let (grade, words) = verdict(&found, "node.key_file");
    assert!(grade == "fail" && words.contains("nowhere.pem"), "{words}");
    assert_eq!(verdict(&found, "messenger").0, "warn", "nobody listens there");
    assert_eq!(verdict(&found, "certificate").0, "ok");
    fs::remove_file(scratch.path().join("tls.key")).unwrap();
    let found = run("operator").await;
    let (grade, words) = verdict(&found, "node.tls_key_file");
    assert!(grade == "fail" && words.contains("tls.key "), "{words}");
    let fails = |path: &str| {
        let told = found
            .iter()
            .filter(|(_, grade, words, _)| grade == "fail" && words.contains(path));
        told.count()
    };
    assert_eq!((fails("tls.key"), fails("nowhere.pem")), (1, 1), "{found:?}");
}

/// How the program ends, where it does so by itself, and what it says.
fn ends(program: std::process::Command) -> (Option<i32>, String) {
    ends_or_says(program, |_| false)
}

/// What a program says until it ends, or has said enough, and a little longer.
fn ends_or_says(
    mut program: std::process::Command,
    is_enough: impl Fn(&str) -> bool,
) -> (Option<i32>, String) {
    use std::process::Stdio;
    use std::sync::{Arc, Mutex};

    fn heard(
        mut from: impl std::io::Read + Send + 'static,
        all: &Arc<Mutex<Vec<u8>>>,
    ) -> std::thread::JoinHandle<()> {
        let all = Arc::clone(all);
        std::thread::spawn(move || {
            let mut some = [0; 4_096];
            while let Ok(length @ 1..) = from.read(&mut some) {
                all.lock().unwrap().extend_from_slice(&some[..length]);
            }
        })
    }
    let mut child = program
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (out, err) = (Arc::default(), Arc::default());
    let hears = [
        heard(child.stdout.take().unwrap(), &out),
        heard(child.stderr.take().unwrap(), &err),
    ];
    let said = || {
        let all = [out.lock().unwrap().clone(), err.lock().unwrap().clone()].concat();
        String::from_utf8_lossy(&all).into_owned()
    };
    let mut ends = std::time::Instant::now() + crate::TIMEOUT;
    let mut has_said = false;
    while child.try_wait().unwrap().is_none() {
        if !has_said && is_enough(&said()) {
            has_said = true;
            ends = ends.min(std::time::Instant::now() + std::time::Duration::from_secs(2));
        }
        if std::time::Instant::now() > ends {
            child.kill().unwrap();
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let status = child.wait().unwrap();
    for hears in hears {
        hears.join().unwrap();
    }
    (status.code(), said())
}

/// The files below the scratch directory that a start opened, by its own trace.
fn opened(said: &str, scratch: &std::path::Path) -> std::collections::BTreeSet<String> {
    let words = said.split_whitespace();
    let paths = words.filter_map(|word| word.strip_prefix("path="));
    let below = paths.filter_map(|path| {
        let path = std::path::Path::new(path);
        path.strip_prefix(scratch)
            .ok()
            .or_else(|| path.is_relative().then_some(path))
    });
    below.map(|path| path.display().to_string()).collect()
}

/// What a start refuses, `doctor` of the same role fails at, by one line that names the file: of each file that a start opens,
/// whichever those are. So none of them can be missing from the list that both walk.
#[test]
fn what_a_start_would_not_begin_with_is_told_once_by_the_doctor_of_its_role() {
    use std::os::unix::fs::PermissionsExt as _;

    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    let write = |name: &str, text: &[u8]| {
        fs::create_dir_all(at(name).parent().unwrap()).unwrap();
        fs::write(at(name), text).unwrap();
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    write("tls.pem", certificate.as_bytes());
    write("ca.pem", certificate.as_bytes());
    write("tls.key", key.serialize_pem().as_bytes());
    let secret = casimir_dkg::dkg::rockx::keys::OperatorPrivateKey::generate().unwrap();
    let pem = secret.to_pem().unwrap();
    write("key.pem", pem.as_bytes());
    drop(
        casimir_dkg::dkg::rockx::node::store::Store::open(&at("node/shares.sqlite"), pem.as_bytes()).unwrap(),
    );
    write("node/shares.sqlite.manifest", b"casimir-dkg share manifest 1\n");
    write("messenger/messenger.sqlite", b"");
    let tls = "tls_certificate_file = \"tls.pem\"\ntls_key_file = \"tls.key\"\n";
    let text = format!(
        "[http]\nca_file = \"ca.pem\"\n[messenger]\nlisten = \"127.0.0.1:0\"\ndata_dir = \"messenger\"\n{tls}[node]\nid = 1\n\
         listen = \"127.0.0.1:0\"\n{tls}messenger_url = \"http://127.0.0.1:1\"\nkey_file = \"key.pem\"\ndata_dir = \"node\"\n"
    );
    write("c.toml", text.as_bytes());
    let run = |arguments: &[&str]| {
        let mut program = support::program(scratch.path());
        program.args(["--config", "c.toml"]).args(arguments);
        ends(program)
    };
    write("oracle.key", pem.as_bytes());
    write("url", b"http://127.0.0.1:1");
    let text = format!(
        "{}{}[http]\nca_file = \"{CA}\"\n[dkg]\nmessenger_url = \"http://127.0.0.1:1\"\ninitiator_key_file = \
         \"oracle.key\"\n[[notices.to]]\nname = \"us\"\nformat = \"slack\"\nurl_file = \"url\"\n",
        MINIMAL.replace("127.0.0.1:8545", "127.0.0.1:1"),
        support::operators(),
        CA = at("ca.pem").display(),
    );
    write("oracle.toml", text.as_bytes());
    let run_as = |config: &str, arguments: &[&str]| {
        let mut program = support::program(scratch.path());
        program.args(["--config", config]).args(arguments);
        ends(program)
    };
    for (role, config, least) in [
        (
            "messenger",
            "c.toml",
            &["ca.pem", "tls.pem", "tls.key", "messenger/messenger.sqlite"][..],
        ),
        (
            "operator",
            "c.toml",
            &["ca.pem", "tls.pem", "tls.key", "key.pem", "node/shares.sqlite"][..],
        ),
        ("headless", "oracle.toml", &["ca.pem", "oracle.key", "url"][..]),
    ] {
        let mut program = support::program(scratch.path());
        program.args([
            "--config",
            config,
            role,
            "--log-level",
            "info,files::opened=trace",
        ]);
        let (_, said) = ends_or_says(program, |said| {
            let files = opened(said, scratch.path());
            least.iter().all(|file| files.contains(*file))
        });
        let mut files = opened(&said, scratch.path());
        // what judges itself: the configuration, and what a start has just made
        files.retain(|file| file != config && at(file).exists());
        for file in least {
            assert!(
                files.contains(*file),
                "{role} does not open {file}: {files:?} {said}"
            );
        }
        for file in &files {
            let mode = fs::metadata(at(file)).unwrap().permissions();
            fs::set_permissions(at(file), fs::Permissions::from_mode(0o666)).unwrap();
            let (code, said) = run_as(config, &[role]);
            let name = at(file).file_name().unwrap().to_str().unwrap().to_owned();
            assert!(
                code.is_some_and(|code| code != 0) && said.contains(&name),
                "{role} {file}: {code:?} {said}"
            );
            let doctor = match role {
                "headless" => "oracle",
                role => role,
            };
            let (_, out) = run_as(config, &["doctor", doctor, "--json"]);
            let told: Vec<_> = findings(&out)
                .into_iter()
                .filter(|(_, grade, found, _)| grade == "fail" && found.contains(&format!("{name} ")))
                .collect();
            assert_eq!(told.len(), 1, "{role} {file}: {out}");
            fs::set_permissions(at(file), mode).unwrap();
        }
    }
    // what SQLite keeps beside a database is judged with it
    write("node/shares.sqlite-wal", b"");
    fs::set_permissions(at("node/shares.sqlite-wal"), fs::Permissions::from_mode(0o666)).unwrap();
    let (_, out) = run(&["doctor", "operator", "--json"]);
    let fails = findings(&out)
        .into_iter()
        .filter(|(_, grade, ..)| grade == "fail");
    let fails: Vec<_> = fails.map(|(_, _, found, _)| found).collect();
    assert!(fails.len() == 1 && fails[0].contains("-wal "), "{out}");
}
