//! The handbook's commands and configurations, tried out by the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use casimir_dkg::config::{self, LoadOptions};

use super::{audit, support};

/// A fenced block: the page, what stands behind the fence, and its lines.
struct Block {
    page: String,
    of: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/handbook");
    let mut pages: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|of| of == "md"))
        .collect();
    pages.sort();
    let mut found = Vec::new();
    for path in pages {
        let page = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let mut open: Option<Block> = None;
        for line in text.lines() {
            match (line.strip_prefix("```"), &mut open) {
                (Some(""), Some(_)) => found.extend(open.take()),
                (Some(of), None) => {
                    open = Some(Block {
                        page: page.clone(),
                        of: of.to_owned(),
                        text: String::new(),
                    });
                }
                (None, Some(block)) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                _ => {}
            }
        }
        assert!(open.is_none(), "{page}: a block without an end");
    }
    found
}

/// What runs without a network and without an engine is run, each page in an empty folder of its own.
#[test]
fn commands_that_run_offline_run() {
    let program = Path::new(env!("CARGO_BIN_EXE_casimir-dkg")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut pages: std::collections::BTreeMap<String, String> = Default::default();
    for block in blocks().into_iter().filter(|block| block.of == "sh run") {
        pages.entry(block.page).or_default().push_str(&block.text);
    }
    assert!(pages.len() >= 5, "{} pages", pages.len());
    for (page, script) in pages {
        let scratch = tempfile::tempdir().unwrap();
        let output = Command::new("sh")
            .args(["-e", "-c", &script])
            .current_dir(scratch.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", scratch.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{page}: {said}\n{script}");
    }
}

/// An auditor with an export, its transcripts, and what was written down elsewhere: the commands as they stand there.
#[test]
fn commands_of_an_auditor_run_on_an_export() {
    let (scratch, key) = audit::keyed_scene(&audit::deposit());
    let here = |name: &str| scratch.path().join(name);
    let run = |arguments: &[&str]| {
        let (code, out, stderr) = support::run(support::program(scratch.path()).args(arguments));
        assert_eq!(code, Some(0), "{stderr}");
        out
    };
    fs::write(
        here("journal.jsonl"),
        run(&["journal", "export", "--journal", "j.sqlite"]),
    )
    .unwrap();
    fs::write(here("verify.py"), run(&["audit", "verifier"])).unwrap();
    let (_, entries) = casimir_dkg::journal::verify(&here("j.sqlite")).unwrap();
    let text = fs::read_to_string(here("transcripts/keygen.json")).unwrap();
    let transcript: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = transcript["operators"].as_object().unwrap();
    let tables = keys
        .iter()
        .map(|(id, key)| format!("[[operator]]\nid = {id}\npublic_key = {key}\n"));
    fs::write(here("operators.toml"), tables.collect::<String>()).unwrap();
    let found: Vec<_> = blocks()
        .into_iter()
        .filter(|block| block.of == "sh with an export")
        .collect();
    assert!(!found.is_empty());
    for block in found {
        let output = Command::new("sh")
            .args(["-e", "-c", &block.text])
            .current_dir(scratch.path())
            .env("KEY", key.to_string())
            .env("HEAD", entries[3].hash.to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("nothing is bad"),
            "{}: {said}\n{}",
            block.page,
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

/// The least that an oracle must say, for what a fragment leaves out.
const REST: [(&str, &str); 5] = [
    ("[network]", "[network]\nname = \"hoodi\"\n"),
    ("[rpc]", "[rpc]\nurls = [\"https://one.example\"]\n"),
    (
        "[contract]",
        "[contract]\naddress = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"\n",
    ),
    ("[signer]", "[signer]\nkeystore = \"oracle.json\"\n"),
    ("[[operator]]", "[operators]\nfile = \"operators.toml\"\n"),
];

fn options(file: &Path, scratch: &Path) -> LoadOptions {
    fs::write(scratch.join("operators.toml"), support::operators()).unwrap();
    fs::write(scratch.join("policy.toml"), "").unwrap();
    support::options(file, scratch)
}

#[test]
fn every_configuration_of_the_handbook_is_one() {
    let mut seen = 0;
    for block in blocks() {
        let Some(of) = block.of.strip_prefix("toml") else {
            assert!(
                !block.text.contains("[[policy"),
                "{}: which configuration?",
                block.page
            );
            continue;
        };
        let scratch = tempfile::tempdir().unwrap();
        let mut text = support::with_keys(&block.text, "LS0tLS1CRUdJTi...");
        let (page, file) = (&block.page, scratch.path().join("c.toml"));
        match of.trim() {
            "oracle" => {
                for (section, rest) in REST {
                    if !text.contains(section) {
                        text.push_str(rest);
                    }
                }
                fs::write(&file, text).unwrap();
                let loaded = config::load(&options(&file, scratch.path()));
                assert!(loaded.is_ok(), "{page}: {}", loaded.unwrap_err());
            }
            "policy" => {
                let rest: String = REST.iter().map(|(_, rest)| *rest).collect();
                fs::write(&file, format!("{rest}[policy]\nfile = \"policy.toml\"\n")).unwrap();
                let options = options(&file, scratch.path());
                fs::write(scratch.path().join("policy.toml"), &text).unwrap();
                let loaded = config::load(&options);
                assert!(loaded.is_ok(), "{page}: {}", loaded.unwrap_err());
                assert_eq!(loaded.unwrap().policy.rules.len(), 1, "{page}");
            }
            role @ ("operator" | "messenger") => {
                fs::write(&file, format!("{text}[network]\nname = \"hoodi\"\n")).unwrap();
                let layers = config::gather(&options(&file, scratch.path())).unwrap();
                let loaded = match role {
                    "operator" => layers.node().map(drop),
                    _ => layers.messenger().map(drop),
                };
                assert!(loaded.is_ok(), "{page}: {}", loaded.unwrap_err());
            }
            other => panic!("{page}: whose configuration is {other:?}?"),
        }
        seen += 1;
    }
    assert!(seen > 12, "{seen} configurations");
}

#[test]
fn the_program_prints_its_pages() {
    let scratch = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| support::run(support::program(scratch.path()).args(args));
    let (code, stdout, _) = run(&["handbook"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("two-persons     Two persons\n"), "{stdout}");
    let (code, stdout, _) = run(&["handbook", "hoodi"]);
    assert_eq!(code, Some(0));
    // what cannot work today stands first
    let third = stdout.lines().nth(2).unwrap();
    assert!(third.starts_with("**What a real deposit needs today"), "{third}");
    let (code, stdout, _) = run(&["handbook", "signer-away", "--json"]);
    let page: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, page["title"].as_str()), (Some(0), Some("signer-away")));
    let (code, _, stderr) = run(&["handbook", "bakcup"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("did you mean backup?"), "{stderr}");
}

/// By the program itself, where it is installed.
#[test]
fn nginx_takes_the_configuration_of_the_handbook() {
    if Command::new("nginx").arg("-v").output().is_err() {
        return;
    }
    let block = blocks().into_iter().find(|block| block.of == "nginx").unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["dkg.operator-one.example".to_owned()];
    let certificate = rcgen::CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    fs::write(scratch.path().join("fullchain.pem"), certificate.pem()).unwrap();
    fs::write(scratch.path().join("privkey.pem"), key.serialize_pem()).unwrap();
    let here = scratch.path().to_str().unwrap();
    let server = block
        .text
        .replace("/etc/letsencrypt/live/dkg.operator-one.example", here);
    let whole = format!("pid {here}/pid; error_log stderr; events {{}} http {{ access_log off; {server} }}");
    let file = scratch.path().join("nginx.conf");
    fs::write(&file, whole).unwrap();
    let output = Command::new("nginx")
        .arg("-t")
        .arg("-c")
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A block that no test tries would tell something else one day.
#[test]
fn no_block_of_the_handbook_escapes_the_tests() {
    let mut others = Vec::new();
    for Block { page, of, text } in blocks() {
        match of.as_str() {
            // parsed line by line, with the pages
            "sh" => {
                let mut lines = text.lines();
                let strange = lines.find(|line| !line.starts_with("casimir-dkg "));
                assert_eq!(strange, None, "{page}: no command of ours; is it `sh run`?");
            }
            "sh run" | "sh with an export" => {}
            of if of.starts_with("toml ") => {}
            of => others.push((page, of.to_owned())),
        }
    }
    let tried = [
        // as the page after it says, by nobody here: no such program can be installed by a package of Debian
        ("operator", "caddy"),
        ("operator", "nginx"),
        // its fields are demanded of every command that fails
        ("programs", "json"),
        // another's program
        ("remote-signer", "text"),
        ("service", "ini"),
        // with a root of its own
        ("service", "text"),
    ];
    others.sort();
    let others: Vec<_> = others.iter().map(|(page, of)| (&**page, &**of)).collect();
    assert_eq!(others, tried);
}

/// What stands before a node, by whichever program, leads to the node; and a service starts what there is.
#[test]
fn what_is_read_and_not_run_names_the_same_port_and_a_command() {
    let text = |of: &str| blocks().into_iter().find(|block| block.of == of).unwrap().text;
    let to = |text: &str| {
        let (_, rest) = text.split_once("127.0.0.1:").unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    assert_eq!(to(&text("caddy")), to(&text("nginx")));
    let unit = text("ini");
    let mut started = unit
        .lines()
        .filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/casimir-dkg "));
    let arguments: Vec<&str> = started.next_back().unwrap().split(' ').collect();
    let scratch = tempfile::tempdir().unwrap();
    let (code, _, stderr) = support::run(support::program(scratch.path()).args(arguments).arg("--help"));
    assert_eq!(code, Some(0), "{stderr}");
}
