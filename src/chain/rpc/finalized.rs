//! The newest block that more than one endpoint calls final.
//!
//! One whose head is far below the head that is followed tells what was final then, and one may claim what it likes. So every
//! endpoint is asked, and of those that keep up the second highest answer counts, like that for the head; the only one
//! where nobody else tells a block. Its height is not all of it: whose hash it is, those say who call it or a later block
//! final, and where they say different ones most of them are believed, or nobody.

use futures_util::future::join_all;
use serde_json::json;

use super::ask::Failed;
use super::error::{EndpointError, RpcError};
use super::types::BlockHeader;
use super::{At, EndpointIndex, Rpc};
use crate::types::SafeText;

const METHOD: &str = "eth_getBlockByNumber";

impl Rpc {
    /// The header of the newest final block; none where an endpoint says, in one of the ways in which clients say that, that
    /// nothing is final yet, and no other tells a final block.
    ///
    /// # Errors
    /// No endpoint answers, or every one refuses with other words. See [`RpcError`].
    pub async fn finalized(&self) -> Result<Option<BlockHeader>, RpcError> {
        if self.only.is_some() || self.indices().count() < 2 {
            return self.first_finalized().await;
        }
        let said = self
            .everybody(|rpc, index| async move { rpc.learn_finalized(index).await })
            .await;
        let (mut told, mut silent, mut nothing, mut limited) = (Vec::new(), Vec::new(), false, false);
        for (index, said) in said {
            match said {
                Ok(Some(header)) => told.push((index, header)),
                Ok(None) => nothing = true,
                Err(failed) => {
                    limited |= failed.again.is_some();
                    silent.push(self.attempt(index, failed.error));
                }
            }
        }
        match self.second_highest(&mut told) {
            Some(number) => {
                self.name_hasty(number, &told);
                self.borne_out(number, told).await.map(Some)
            }
            None if nothing => Ok(None),
            None if limited => self.first_finalized().await,
            None => Err(RpcError::Unanswered {
                method: METHOD,
                attempts: silent,
            }),
        }
    }

    /// The block of a height that is deep enough to be final, as most endpoints have it that answer; none where nobody has
    /// one.
    ///
    /// # Errors
    /// No endpoint answers, or they contradict each other. See [`RpcError`].
    pub(crate) async fn deep(&self, number: u64) -> Result<Option<BlockHeader>, RpcError> {
        let at = At::Number(number);
        if self.only.is_some() || self.indices().count() < 2 {
            return self.any_header(at).await;
        }
        let params = json!([at.to_json(), false]);
        let said = self
            .everybody(|rpc, index| {
                let params = params.clone();
                async move {
                    rpc.ask_and_read::<Option<BlockHeader>>(index, METHOD, &params)
                        .await
                }
            })
            .await;
        let said = said.into_iter();
        let said = said.filter_map(|(index, said)| said.ok().flatten().map(|header| (index, header)));
        let said: Vec<_> = said.filter(|(_, header)| header.number() == number).collect();
        match said.is_empty() {
            // in the words of who was asked
            true => self.any_header(at).await,
            false => self.most_say(number, said).map(Some),
        }
    }

    /// As the first endpoint has it that has one.
    async fn first_finalized(&self) -> Result<Option<BlockHeader>, RpcError> {
        match self.any_header(At::Finalized).await {
            Err(error) if error.says_nothing_is_final() => Ok(None),
            told => told,
        }
    }

    async fn learn_finalized(&self, index: EndpointIndex) -> Result<Option<BlockHeader>, Failed> {
        let params = json!([At::Finalized.to_json(), false]);
        match self.ask_and_read(index, METHOD, &params).await {
            Err(Failed {
                error: EndpointError::NotHere(error),
                ..
            }) if error.says_nothing_is_final() => Ok(None),
            told => told,
        }
    }

    /// The height that counts; those that do not keep up are left out of what was told.
    fn second_highest(&self, told: &mut Vec<(EndpointIndex, BlockHeader)>) -> Option<u64> {
        let keeps_up = |index: EndpointIndex| self.inner.endpoints[index.position()].keeps_up();
        if told.iter().any(|(index, _)| keeps_up(*index)) {
            told.retain(|(index, _)| keeps_up(*index));
        }
        told.sort_by_key(|(index, header)| (std::cmp::Reverse(header.number()), index.position()));
        let second = told.get(1).or(told.first())?;
        Some(second.1.number())
    }

    /// No chain has its newest block final while others know of an older one only.
    fn name_hasty(&self, number: u64, told: &[(EndpointIndex, BlockHeader)]) {
        for (index, header) in told.iter().filter(|(_, header)| header.number() > number) {
            let endpoint = &self.inner.endpoints[index.position()];
            if endpoint.head().is_some_and(|newest| header.number() >= newest) {
                let words = format!(
                    "calls block {} final, which is its newest, where others have got to {number}",
                    header.number()
                );
                endpoint.contradicted(&SafeText::new(&words));
            }
        }
    }

    /// The block of this height, as those have it who told a final block: whose is another one, is asked for it. Where several
    /// told one, one alone does not bear it out.
    async fn borne_out(
        &self,
        number: u64,
        told: Vec<(EndpointIndex, BlockHeader)>,
    ) -> Result<BlockHeader, RpcError> {
        let several = told.len() > 1;
        let asked = told.into_iter().map(async |(index, header)| {
            if header.number() == number {
                return Some((index, header));
            }
            let below = self.voice(index).any_header(At::Number(number)).await;
            below.ok().flatten().map(|header| (index, header))
        });
        let said = join_all(asked).await.into_iter().flatten();
        let said: Vec<_> = said.filter(|(_, header)| header.number() == number).collect();
        if let [(index, _)] = said[..]
            && several
        {
            let name = &self.inner.endpoints[index.position()].name;
            let reason = SafeText::new(&format!(
                "{name} alone has block {number}, which is called final, and no other tells its hash"
            ));
            return Err(RpcError::Nowhere {
                method: METHOD,
                reason,
            });
        }
        self.most_say(number, said)
    }

    /// Whoever several outvote is named; where nobody has most voices, two that differ are named in the error, and nobody is
    /// blamed.
    fn most_say(
        &self,
        number: u64,
        mut said: Vec<(EndpointIndex, BlockHeader)>,
    ) -> Result<BlockHeader, RpcError> {
        said.sort_by_key(|(index, _)| index.position());
        let support =
            |header: &BlockHeader| said.iter().filter(|(_, other)| other.hash == header.hash).count();
        let most = said
            .iter()
            .map(|(_, header)| support(header))
            .max()
            .unwrap_or_default();
        let Some((standard, header)) = said.iter().find(|(_, header)| support(header) == most) else {
            let reason = SafeText::new(&format!("no endpoint has block {number}, which is called final"));
            return Err(RpcError::Nowhere {
                method: METHOD,
                reason,
            });
        };
        let name = |index: EndpointIndex| self.inner.endpoints[index.position()].name.clone();
        let apart: Vec<_> = { said.iter() }
            .filter(|(_, other)| other.hash != header.hash)
            .collect();
        let Some((first, other)) = apart.first() else {
            return Ok(header.clone());
        };
        let (one, two) = (header.hash, other.hash);
        if 2 * most <= said.len() {
            let reason = SafeText::new(&format!(
                "{} tells another final block {number} than {}: {one} and {two}",
                name(*standard),
                name(*first)
            ));
            return Err(RpcError::Contradicted {
                method: METHOD,
                reason,
            });
        }
        for (index, _) in &apart {
            let words = format!(
                "tells another final block {number} than {} and others",
                name(*standard)
            );
            self.blame_for_contradiction(*index, &SafeText::new(&words));
        }
        Ok(header.clone())
    }
}
