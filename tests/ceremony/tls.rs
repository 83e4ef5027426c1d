//! Everybody speaks TLS, with certificates of an authority of one's own.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::{Duration, Instant};

use casimir_dkg::dkg::rockx::messenger::{self, MessengerConfig};
use casimir_dkg::http::{Http, HttpOptions, ProxyRule};
use casimir_dkg::listen::{Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::house::{House, Plan, ids, keygen_plan};

/// Where a house listens that speaks TLS.
pub(super) const HOUSE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A certificate for these addresses and its key; gives the authority in PEM.
pub(super) fn certificate(files: &TlsFiles, addresses: &[IpAddr]) -> String {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let names = CertificateParams::new(names).unwrap();
    let leaf = names.signed_by(&key, &ca).unwrap();
    std::fs::write(&files.certificate, leaf.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    ca.pem()
}

pub(super) fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificate: folder.join("certificate.pem"),
        key: folder.join("certificate.key"),
        plain_http: Vec::new(),
    }
}

pub(super) fn trusting(ca_file: &Path) -> Http {
    Http::new(&HttpOptions {
        proxy: ProxyRule::None,
        ca_file: Some(ca_file.to_owned()),
        ..HttpOptions::default()
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremony_whose_messenger_and_operators_speak_tls() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, certificate(&files, &[HOUSE])).unwrap();
    let tls = Tls::open(&files).unwrap();
    let house = House::build(Plan {
        honest: ids(1..=4),
        secure: Some((tls.clone(), trusting(&ca_file))),
        ..Plan::default()
    })
    .await;
    assert!(
        house.messenger_url.starts_with("https://"),
        "{}",
        house.messenger_url
    );
    for node in house.nodes.values() {
        assert!(node.public_url().starts_with("https://"), "{}", node.public_url());
    }
    let end = house.run(&keygen_plan(ids(1..=4))).await;
    end.unwrap_or_else(|failed| panic!("{failed}"));

    // a renewal under another authority: who trusts the old one alone learns of it with its next connection
    let renewed = certificate(&files, &[HOUSE]);
    tls.reload().unwrap();
    let ping = format!("{}/ping", house.messenger_url);
    let asked = async |ca: &str| {
        let ca = reqwest::Certificate::from_pem(ca.as_bytes()).unwrap();
        let client = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([ca])
            .build()
            .unwrap();
        client
            .get(&ping)
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    let old = std::fs::read_to_string(&ca_file).unwrap();
    assert!(asked(&old).await.is_err(), "the new certificate is not shown");
    assert_eq!(asked(&renewed).await.unwrap(), 200);
    // this machine may speak plain HTTP at the same port
    let plain = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = plain.get(ping.replace("https", "http")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

/// A handshake that a request follows cost a client nothing, and the messenger a signature.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn one_client_has_so_many_handshakes_and_others_have_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    let ca = reqwest::Certificate::from_pem(certificate(&files, &[HOUSE]).as_bytes()).unwrap();
    let messenger = messenger::spawn(MessengerConfig {
        tls: Some(Tls::open(&files).unwrap()),
        ..MessengerConfig::new("127.0.0.1:0".parse().unwrap())
    })
    .await
    .unwrap();
    let ping = format!("{}/ping", messenger.url());
    // no connection is used twice
    let from = |address: [u8; 4]| {
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(std::net::IpAddr::from(address))
            .pool_max_idle_per_host(0)
            .tls_certs_only([ca.clone()]);
        client.build().unwrap()
    };
    let stranger = from([127, 0, 0, 66]);
    let begun = Instant::now();
    let mut made = 0_u32;
    while stranger.get(&ping).send().await.is_ok() {
        made += 1;
        let most = 201.0 + 10.0 * begun.elapsed().as_secs_f64();
        assert!(f64::from(made) <= most, "{made} in {:?}", begun.elapsed());
        // a machine that makes no more of them than one client may have
        if begun.elapsed() > Duration::from_secs(120) {
            break;
        }
    }
    assert!(made >= 200, "{made}");
    let other = from([127, 0, 0, 1]).get(&ping).send().await.unwrap();
    assert_eq!(other.status(), 200);
    messenger.shutdown().await;
}
