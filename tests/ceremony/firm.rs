//! A firm's node as the handbook sets it up: the real program behind nginx with TLS. Its store is backed up, lost, taken back,
//! and signs.

#![allow(clippy::disallowed_macros, reason = "tells what was not looked at")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use casimir_dkg::listen::Tls;
use casimir_dkg::ports::{Failed, Verified};
use casimir_dkg::types::{CeremonyResult, OperatorId};

use super::house::{HASTY, House, OldKey, Plan, ids, key_of, sign_plan};
use super::tls::{HOUSE, certificate, files, trusting};
use crate::config::roles::Role;
use crate::config::support;

const FIRM: OperatorId = OperatorId(4);
const ROOT: [u8; 32] = [0xf1; 32];

/// Stopped with the test.
struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The server of the handbook, at these addresses, with this certificate.
fn nginx(here: &Path, outside: SocketAddr, inside: SocketAddr) -> Nginx {
    let page = include_str!("../../ui/handbook/operator.md");
    let block = page
        .split("```nginx\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    let folder = here.to_str().unwrap();
    let server = block
        .unwrap()
        .replace("listen 443 ssl", &format!("listen {outside} ssl"))
        .replace("127.0.0.1:8080", &inside.to_string())
        .replace(
            "/etc/letsencrypt/live/dkg.operator-one.example/fullchain.pem",
            &format!("{folder}/certificate.pem"),
        )
        .replace(
            "/etc/letsencrypt/live/dkg.operator-one.example/privkey.pem",
            &format!("{folder}/certificate.key"),
        );
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {folder}/{what};"))
        .concat();
    let whole = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}} http {{ access_log off; {temporary} {server} }}"
    );
    let file = here.join("nginx.conf");
    fs::write(&file, whole).unwrap();
    let child = Command::new("nginx")
        .arg("-c")
        .arg(&file)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Nginx(child)
}

/// What the firm writes into its folder.
fn configure(here: &Path, house: &House, outside: SocketAddr, inside: SocketAddr) {
    let pem = key_of(FIRM).to_pem().unwrap();
    fs::write(here.join("key.pem"), pem.as_bytes()).unwrap();
    let operators: String = ids(1..=4)
        .into_iter()
        .map(|id| {
            let key = key_of(id).public().to_registry_text();
            format!("[[operator]]\nid = {id}\nendpoint = \"http://127.0.0.1:9\"\npublic_key = \"{key}\"\n")
        })
        .collect();
    fs::write(here.join("operators.toml"), operators).unwrap();
    let config = format!(
        "[node]\nid = {FIRM}\nlisten = \"{inside}\"\npublic_url = \"https://{outside}\"\n\
         messenger_url = \"{}\"\nkey_file = \"key.pem\"\ndata_dir = \"node\"\ntrusted_proxies = [\"127.0.0.0/8\"]\n\
         [http]\nca_file = \"ca.pem\"\n[operators]\nfile = \"operators.toml\"\n[metrics]\nlisten = \"off\"\n",
        house.messenger_url
    );
    fs::write(here.join("operator.toml"), config).unwrap();
}

fn command(here: &Path, arguments: &[&str]) -> String {
    let mut program = support::program(here);
    program
        .args(["--config", "operator.toml", "operator"])
        .args(arguments);
    let (code, out, stderr) = support::run(&mut program);
    assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    out
}

/// The firm's node is needed: two others are there, and it takes three.
async fn sign(house: &House, key: &OldKey) -> Result<Verified, Box<Failed>> {
    house.run(&sign_plan(key, ROOT, true)).await
}

/// A node that has just started may not have registered yet: then it is asked again.
async fn signs(house: &House, key: &OldKey) {
    let began = Instant::now();
    loop {
        match sign(house, key).await {
            Ok(verified) => {
                let CeremonyResult::Sign { signature } = verified.result else {
                    panic!("{:?}", verified.result)
                };
                assert!(casimir_dkg::dkg::threshold::verify(
                    &key.validator,
                    &ROOT,
                    &signature
                ));
                return;
            }
            Err(failed) => assert!(began.elapsed() < crate::TIMEOUT, "{failed}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firm_behind_nginx_loses_its_shares_takes_them_back_and_signs() {
    if Command::new("nginx").arg("-v").output().is_err() {
        eprintln!("skipped: nginx is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let files = files(here);
    let ca_file = here.join("ca.pem");
    let (outside, inside) = (crate::nobody(), crate::nobody());
    fs::write(&ca_file, certificate(&files, &[HOUSE, outside.ip()])).unwrap();
    let key = OldKey::deal(&ids(1..=4));
    let house = House::build(Plan {
        honest: ids(1..=2),
        absent: ids([3]),
        elsewhere: [(FIRM, format!("https://{outside}"))].into(),
        key: Some(&key),
        round: HASTY,
        secure: Some((Tls::open(&files).unwrap(), trusting(&ca_file))),
        ..Plan::default()
    })
    .await;
    configure(here, &house, outside, inside);
    let data = here.join("node");
    key.store(FIRM, &data);
    let _proxy = nginx(here, outside, inside);
    let start = || Role::start(here, &["--config", "operator.toml", "operator"], &[]);

    let node = start();
    signs(&house, &key).await;
    let said = command(here, &["backup", "backup.sqlite"]);
    assert!(
        said.contains("1 share, each opens with the operator's key"),
        "{said}"
    );
    node.stopped();
    fs::remove_dir_all(&data).unwrap();
    let node = start();
    assert!(
        sign(&house, &key).await.is_err(),
        "nobody signs without its share"
    );
    let said = node.stopped();
    assert!(said.contains("nothing was ever kept in"), "{said}");

    let said = command(here, &["restore", "backup.sqlite"]);
    assert!(said.contains("1 share taken back"), "{said}");
    let node = start();
    signs(&house, &key).await;
    node.stopped();
}
