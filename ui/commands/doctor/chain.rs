//! The execution layer: each endpoint, the manager contract, the clock.

use std::sync::Arc;

use alloy::primitives::Address;
use casimir_dkg::chain::comparison;
use casimir_dkg::chain::history_cache::{self, CHANGED, Looked, Seal};
use casimir_dkg::chain::rpc::{At, Rpc, RpcError};
use casimir_dkg::chain::sent::{Asked, LookBack};
use casimir_dkg::chain::{AHEAD_HEAD_S, STALE_HEAD_S};
use casimir_dkg::config::{Config, NetworkName, PolicyConfig, PolicyRule};
use casimir_dkg::engine::{Gap, journal_at, service};
use casimir_dkg::http::Http;
use casimir_dkg::journal::{self, JournalError, places};
use casimir_dkg::pool::{self, Connection};
use casimir_dkg::ports::{Answer, PoolManager, Probe, Unknown};
use casimir_dkg::types::{ClusterLayout, Round, SafeText, UnixMillis, format_ether, rounded_ether};

use super::{Finding, Report, deployment, endpoint};

/// What others can go on with.
pub(crate) struct Chain {
    /// The endpoints that answered.
    pub rpc: Rpc,
    /// Over these.
    pub manager: Arc<dyn PoolManager>,
    /// Before it the manager has logged nothing.
    pub from_block: u64,
}

impl Chain {
    /// Transactions that an account has sent, by the newest block.
    pub(crate) async fn sent_by(&self, account: Address) -> Result<u64, RpcError> {
        self.rpc.nonce(account, At::Latest).await
    }

    /// What an account sent to the manager that its journal does not know, a line each.
    pub(crate) async fn what_was_sent(&self, account: Address, gap: &Gap) -> Result<Vec<SafeText>, Unknown> {
        let asked = Asked {
            account,
            nonces: gap.ranges.clone(),
        };
        let look = LookBack::new(self.rpc.clone(), Arc::clone(&self.manager), self.from_block);
        Ok(look.look(&asked).await?.lines())
    }
}

pub(crate) async fn examine(config: &Config, http: &Http, report: &mut Report) -> Option<Chain> {
    let mut newest = Vec::new();
    for url in &config.rpc.urls {
        newest.extend(endpoint::examine(config, http, url, report).await);
    }
    if let Some(then) = newest.iter().map(|newest| newest.timestamp).max() {
        report.add(clock(config.network.name, then, UnixMillis::now().0 / 1000));
    }
    report.extend(endpoint::spread(&newest));
    voices(config, report);
    report.extend(rules(&config.policy));
    let good: Vec<_> = newest.into_iter().map(|newest| newest.endpoint).collect();
    if good.is_empty() {
        return None;
    }
    let rpc = Rpc::new(endpoint::limits(config, http, good)).ok()?;
    let layout = layout(config, &rpc).await;
    let at = Connection {
        rpc: rpc.clone(),
        address: config.contract.address,
        layout,
        ssv_network: config.network.ssv_network,
        from_block: config.contract.from_block,
        kept: None,
    };
    let manager = pool::open(config.contract.adapter, at);
    let ssv_network = contracts(config, &rpc, &*manager, report).await;
    if let Some(network) = ssv_network {
        deployment::examine(config, &rpc, layout, network, report).await;
    }
    history(config, &rpc, report).await;
    Some(Chain {
        rpc,
        manager,
        from_block: config.contract.from_block,
    })
}

/// One endpoint's word decides about no money, unless a rule says so: whoever has one only is told what to do.
fn voices(config: &Config, report: &mut Report) {
    const WHAT: &str = "second endpoint";
    let voices = config.rpc.urls.len();
    if voices > 1 {
        let found = format!("{voices} endpoints can contradict each other");
        report.add(Finding::ok(WHAT, found));
        return;
    }
    let strict: Vec<_> = config.policy.rules.iter().filter_map(lacks).collect();
    let found =
        "rpc.urls names one endpoint: nobody could contradict it, so checks that take two are unknown";
    if config.policy.rules.iter().any(PolicyRule::sends_transactions) && strict.is_empty() {
        report.add(Finding::ok(WHAT, format!("{found}; the rules allow that")));
        return;
    }
    let hint = if strict.is_empty() {
        "name a second endpoint of another provider in rpc.urls: until then only a person approves transactions".to_owned()
    } else {
        format!(
            "name a second endpoint of another provider in rpc.urls, or let checks be unknown by unknown_ok: {}; \
             until then what these rules cover waits for a person",
            strict.join("; ")
        )
    };
    report.add(Finding::warn(WHAT, found, &hint));
}

/// Keys that rules have made are good for nothing until somebody deposits on them.
fn rules(policy: &PolicyConfig) -> Option<Finding> {
    let makes = policy.rules_for_keys_alone();
    if makes.is_empty() {
        return None;
    }
    let found = format!(
        "{} allows key generations, and no rule allows deposits: every deposit waits for a person once its key is made",
        makes.join(", ")
    );
    let hint = "add \"send-deposit\" and a max_fee to a rule, or have somebody approve what waits";
    Some(Finding::warn("rules", found, hint))
}

/// What a rule would have to allow to approve anything by one voice, if it does not.
fn lacks(rule: &PolicyRule) -> Option<String> {
    let lacking: Vec<_> = rule.waits_for_two_voices().collect();
    (!lacking.is_empty()).then(|| format!("\"{}\" in the rule {}", lacking.join("\", \""), rule.name))
}

/// This machine's clock against the newest block of all endpoints, in seconds since the Unix epoch.
fn clock(network: NetworkName, newest: u64, now: u64) -> Finding {
    const WHAT: &str = "clock";
    if newest > now + AHEAD_HEAD_S {
        let found = format!("{} s behind the newest block", newest - now);
        return Finding::fail(
            WHAT,
            found,
            "set it by NTP: limits per day and deadlines rest on it",
        );
    }
    let found = format!("{} s after the newest block", now.saturating_sub(newest));
    // a development chain makes blocks when it likes
    if network != NetworkName::Devnet && now.saturating_sub(newest) > STALE_HEAD_S {
        let hint = "either no endpoint follows the chain, or the clock is ahead: compare it by NTP";
        return Finding::warn(WHAT, found, hint);
    }
    Finding::ok(WHAT, found)
}

/// As the engine finds it at its start. Where nobody tells, or the contract takes none that is known, the probe says why.
async fn layout(config: &Config, rpc: &Rpc) -> ClusterLayout {
    let contract = &config.contract;
    match contract.cluster_layout {
        Some(layout) => layout,
        None => pool::layout_of(contract.adapter, rpc, contract.address)
            .await
            .yes()
            .unwrap_or(ClusterLayout::ActiveThenBalance),
    }
}

/// Gives SSV's network as the manager has it, if it is the manager.
async fn contracts(
    config: &Config,
    rpc: &Rpc,
    manager: &dyn PoolManager,
    report: &mut Report,
) -> Option<Address> {
    let what = "manager contract";
    let probe = manager.probe().await;
    let ssv_network = probe.as_ref().map(|probe| probe.ssv_network).yes();
    match probe {
        Answer::Yes(probe) => accepted(config, manager, &probe, report),
        Answer::No(evidence) => report.add(Finding::fail(
            what,
            evidence.to_string(),
            "check contract.address, contract.adapter and contract.cluster_layout",
        )),
        Answer::NotKnown(why) => report.add(Finding::fail(
            what,
            why.to_string(),
            "no endpoint tells: look at the lines above",
        )),
    }
    let address = config.network.deposit_contract;
    match rpc.code(address, At::Latest).await {
        Ok(code) if code.is_empty() => report.add(Finding::fail(
            "deposit contract",
            format!("there is no contract at {address}"),
            "check network.deposit_contract",
        )),
        Ok(_) => report.add(Finding::ok("deposit contract", address.to_string())),
        Err(e) => report.add(Finding::fail("deposit contract", e.to_string(), "")),
    }
    ssv_network
}

/// How far old blocks are compared with their headers, by the file beside the journal, and what was found.
async fn history(config: &Config, rpc: &Rpc, report: &mut Report) {
    const WHAT: &str = "old blocks";
    if config.rpc.compare_calls_per_second == 0 {
        let found = "are not compared with their headers (rpc.compare_calls_per_second = 0)";
        report.add(Finding::ok(WHAT, found));
        return;
    }
    let path = places::history_of(&config.journal.path);
    let seal = match journal::derived_secret(&journal_at(&config.journal), history_cache::PURPOSE) {
        Ok(Some(secret)) => Seal::of(&secret),
        // no journal, no key: there is nothing yet. Whoever may not read the key cannot judge the file
        Ok(None) => Seal::of(&[0; 32]),
        Err(JournalError::Io { .. }) if !path.exists() => Seal::of(&[0; 32]),
        Err(error) => {
            let found = format!("{} cannot be judged: {error}", path.display());
            report.add(Finding::warn(WHAT, found, "ask as the user of the service"));
            return;
        }
    };
    let compared = match comparison::kept_at(&path, &seal) {
        Ok(Looked::Entry(about, compared)) if about.manager == config.contract.address => compared,
        Ok(Looked::Changed) => {
            let found = format!("{}: {CHANGED}", path.display());
            let hint = "who may write beside the journal? The next start does not use it and reads the history again";
            report.add(Finding::warn(WHAT, found, hint));
            return;
        }
        Ok(_) => {
            report.add(Finding::ok(
                WHAT,
                "are not compared with their headers yet; nothing waits for it",
            ));
            return;
        }
        Err(error) => {
            let found = format!("{}: {error}", path.display());
            report.add(Finding::warn(WHAT, found, "remove the file: it is made again"));
            return;
        }
    };
    let (from, upto) = (
        config.contract.from_block,
        compared.upto.map_or(0, |upto| upto.number),
    );
    let head = rpc.head().await.map_or(upto, |head| head.number());
    let of = head.saturating_sub(from).max(1);
    let percent = 100 * upto.saturating_sub(from).min(of) / of;
    let mut found =
        format!("compared with their headers from block {from} to {upto} of {head} ({percent} %)");
    if compared.untold > 0 {
        found = format!(
            "{found}; receipts of {} blocks are not to be had",
            compared.untold
        );
    }
    match compared.alarm() {
        None => report.add(Finding::ok(WHAT, found)),
        Some(words) => report.add(Finding::warn(
            WHAT,
            format!("{found}; {words}"),
            "ask another provider, and look at what rests on that block",
        )),
    }
}

/// What the manager says of itself.
fn accepted(config: &Config, manager: &dyn PoolManager, probe: &Probe, report: &mut Report) {
    let found = format!(
        "{} answers as {}: {} ready, {} pending, {} staked",
        manager.address(),
        manager.name(),
        probe.ready.len(),
        probe.pending.len(),
        probe.staked.len()
    );
    report.add(Finding::ok("manager contract", found));
    for lacking in service::not_done(manager) {
        let hint = "such requests are refused before anything is begun; serve them in another way";
        report.add(Finding::warn("manager version", lacking, hint));
    }
    match config.network.ssv_network {
        Some(known) if known != probe.ssv_network => report.add(Finding::fail(
            "SSV network",
            format!(
                "the manager says {}, the configuration {known}",
                probe.ssv_network
            ),
            "check contract.address and network.name",
        )),
        _ => report.add(Finding::ok("SSV network", probe.ssv_network.to_string())),
    }
    if probe.reserved_fees_wei < config.contract.fee_amount_wei {
        let found = format!(
            "{} are reserved, a deposit takes {}",
            rounded_ether(probe.reserved_fees_wei, Round::Down),
            format_ether(config.contract.fee_amount_wei)
        );
        let hint = "deposits wait until the manager has more fees";
        report.add(Finding::warn("reserved fees", found, hint));
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Grade;
    use super::*;

    #[test]
    fn a_clock_that_differs_from_the_chain_has_its_line() {
        let public = |newest, now| clock(NetworkName::Hoodi, newest, now).grade;
        assert_eq!(public(1_000_000, 1_000_012), Grade::Ok);
        assert_eq!(public(1_000_015, 1_000_000), Grade::Ok);
        assert_eq!(public(1_000_016, 1_000_000), Grade::Fail);
        assert_eq!(public(1_000_000, 1_000_181), Grade::Warn);
        let devnet = |newest, now| clock(NetworkName::Devnet, newest, now).grade;
        assert_eq!(devnet(1_000_000, 1_090_000), Grade::Ok);
        assert_eq!(devnet(1_090_000, 1_000_000), Grade::Fail);
        let finding = clock(NetworkName::Hoodi, 1_090_000, 1_000_000);
        assert_eq!(finding.found.as_str(), "90000 s behind the newest block");
    }
}
