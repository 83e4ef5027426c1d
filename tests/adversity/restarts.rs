//! A messenger that is away for a moment, in the middle of a ceremony.

use casimir_dkg::devnet::proxy::Switch;
use casimir_dkg::view::CaseStatus;

use super::program::Form;
use super::stage::{PAIR, Stage};
use super::{Ground, with_beacon};
use crate::engine::deposits::initiated;

pub(super) const RESTARTS: &[&str] = &["messenger-restarts-for-15-s"];

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_of_the_messenger_the_deposit_is_made_by_itself() {
    let ground = Ground::start(with_beacon()).await;
    for name in RESTARTS {
        let stage = Stage::set(&ground, name, PAIR, None).await;
        let program = stage.program(Form::Text, "auto", |_| ()).await;
        program
            .until("the messenger", |s| {
                s.endpoints.iter().find(|e| e.kind.word() == "messenger").cloned()
            })
            .await;
        stage.switch(Switch::On);
        ground.devnet().deposit_pool(1).await.unwrap();
        stage.ends(&program).await;
        program
            .until("the deposit", |s| {
                s.cases
                    .iter()
                    .find(|case| case.status == CaseStatus::Following)
                    .cloned()
            })
            .await;
        assert_eq!(initiated(&ground).await, [1]);
        let blamed = program
            .snapshot()
            .operators
            .iter()
            .any(|o| o.ceremonies_failed > 0);
        assert!(!blamed, "{}", program.picture());
        program.end().await;
    }
    ground.end().await;
}
