//! What a console draws of a snapshot, one thing a line.

use casimir_dkg::view::Snapshot;

pub(super) fn of(snapshot: &Snapshot) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(snapshot.alarms.iter().map(|words| format!("alarm: {words}")));
    let chain = &snapshot.chain;
    let number = |block: Option<casimir_dkg::types::BlockRef>| {
        block.map_or_else(|| "unknown".to_owned(), |block| block.number.to_string())
    };
    all.push(format!(
        "chain: {}, head {}, read up to {}",
        chain.link.word(),
        number(chain.head),
        number(chain.cursor)
    ));
    all.extend(
        snapshot
            .endpoints
            .iter()
            .map(|e| format!("{} {} {}: {}", e.kind.word(), e.name, e.health.word(), e.detail)),
    );
    all.extend(
        snapshot
            .operators
            .iter()
            .map(|o| format!("operator {} {} {}: {}", o.id, o.name, o.health.word(), o.note)),
    );
    for case in &snapshot.cases {
        all.push(format!("{} {}: {}", case.id, case.status, case.sentence));
        all.extend(
            case.history
                .iter()
                .map(|entry| format!("{} history: {}", case.id, entry.text)),
        );
    }
    for action in &snapshot.actions {
        all.push(format!("{} {}: {}", action.id, action.kind, action.title));
        if action.is_over() {
            continue;
        }
        all.extend(action.checks.iter().map(|check| {
            format!(
                "{} check {} {}: {}",
                action.id,
                check.name,
                action.mark(check).word(),
                check.reason
            )
        }));
    }
    all.extend(
        snapshot
            .transactions
            .iter()
            .map(|t| format!("{} transaction {}: {}", t.action, t.state, t.note)),
    );
    all.extend(
        snapshot
            .validators
            .iter()
            .map(|v| format!("pool {} validator {}", v.pool, v.status)),
    );
    all
}
