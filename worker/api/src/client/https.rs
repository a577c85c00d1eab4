//! How calls are made, whatever is called: TLS, limits of time, and answers taken apart.

use std::time::Duration;

use orrery_archive::names::{Role, WorkerId};
use orrery_tls::Identity;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::routes::{Call, Parameter, WORKER_HEADER};
use crate::{ApiError, CallError};

/// Silence after which the kernel asks whether the peer still lives.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Longest silence of a server that works on a call: a commit of a large part may take minutes.
const LONGEST_SILENCE: Duration = Duration::from_mins(10);
/// Longest error text kept, in characters, of an answer that is no [`ApiError`].
const LONGEST_ERROR: usize = 300;

/// How long a program waits for a server.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To connect; a pod that is gone does not answer at all.
    pub connect: Duration,
    /// For a short call, from its begin to the end of its answer. Calls that carry rows or make
    /// tables have limits of their own.
    pub call: Duration,
}

/// Connections to servers of one role.
#[derive(Clone, Debug)]
pub(super) struct Https {
    client: reqwest::Client,
    call: Duration,
}

impl Https {
    pub(super) fn new(
        identity: &Identity,
        servers: Role,
        timeouts: Timeouts,
    ) -> Result<Self, CallError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(identity.client(servers)?)
            .no_proxy()
            .https_only(true)
            .connect_timeout(timeouts.connect)
            .tcp_keepalive(KEEPALIVE)
            .read_timeout(LONGEST_SILENCE)
            .build()
            .map_err(CallError::Client)?;
        Ok(Self {
            client,
            call: timeouts.call,
        })
    }
}

/// One server, and how each form of call is made.
#[derive(Clone, Debug)]
pub(super) struct Server {
    https: Https,
    base: Url,
    /// The worker that calls are meant for.
    worker: Option<WorkerId>,
}

impl Server {
    pub(super) fn new(https: &Https, base: &str) -> Result<Self, CallError> {
        let bad = |why: String| CallError::Address {
            address: base.to_owned(),
            why,
        };
        let url = Url::parse(base).map_err(|error| bad(error.to_string()))?;
        if url.scheme() != "https" {
            return Err(bad("its scheme is not https".into()));
        }
        Ok(Self {
            https: https.clone(),
            base: url,
            worker: None,
        })
    }

    /// The same, for calls that are meant for this worker and no other.
    pub(super) fn of(self, worker: WorkerId) -> Self {
        Self {
            worker: Some(worker),
            ..self
        }
    }

    fn begin<C: Call>(&self, call: C, url: Url) -> RequestBuilder {
        let request = self.https.client.request(call.route().verb.method(), url);
        match self.worker {
            Some(worker) => request.header(WORKER_HEADER, worker),
            None => request,
        }
    }

    fn url<C: Call>(&self, call: C, parameters: &[Parameter<'_>]) -> Result<Url, CallError> {
        call.url(&self.base, parameters).ok_or_else(|| {
            CallError::Request(format!(
                "{} has not {} parameters",
                call.route().path,
                parameters.len()
            ))
        })
    }

    /// A request without a limit of time but that of silence.
    pub(super) fn request<C: Call>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
    ) -> Result<RequestBuilder, CallError> {
        Ok(self.begin(call, self.url(call, parameters)?))
    }

    /// The same with `query` in its URL.
    pub(super) fn query<C: Call>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
        query: &impl Serialize,
    ) -> Result<RequestBuilder, CallError> {
        let query = serde_urlencoded::to_string(query)
            .map_err(|error| CallError::Request(error.to_string()))?;
        let mut url = self.url(call, parameters)?;
        url.set_query(Some(&query));
        Ok(self.begin(call, url))
    }

    pub(super) fn short<C: Call>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
    ) -> Result<RequestBuilder, CallError> {
        Ok(self.brief(self.request(call, parameters)?))
    }

    pub(super) fn brief(&self, request: RequestBuilder) -> RequestBuilder {
        request.timeout(self.https.call)
    }

    /// A short call answered with JSON.
    pub(super) async fn get<C: Call, Answer: DeserializeOwned>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
    ) -> Result<Answer, CallError> {
        json(self.short(call, parameters)?).await
    }

    /// A short call with a JSON body, answered with JSON.
    pub(super) async fn ask<C: Call, Answer: DeserializeOwned>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, CallError> {
        json(self.short(call, parameters)?.json(body)).await
    }

    /// A short call with a JSON body whose answer says no more than its status.
    pub(super) async fn order<C: Call>(
        &self,
        call: C,
        parameters: &[Parameter<'_>],
        body: &(impl Serialize + Sync),
    ) -> Result<(), CallError> {
        sent(self.short(call, parameters)?.json(body))
            .await
            .map(drop)
    }
}

pub(super) async fn json<Answer: DeserializeOwned>(
    request: RequestBuilder,
) -> Result<Answer, CallError> {
    sent(request)
        .await?
        .json()
        .await
        .map_err(CallError::unreachable)
}

/// The response when its status says success, else what the server says.
pub(super) async fn sent(request: RequestBuilder) -> Result<Response, CallError> {
    let response = request.send().await.map_err(CallError::unreachable)?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let text = response.text().await.map_err(CallError::unreachable)?;
    Err(refusal(status, &text))
}

fn refusal(status: StatusCode, text: &str) -> CallError {
    let error = serde_json::from_str(text).unwrap_or_else(|_| ApiError {
        reason: "Unknown".into(),
        message: text.chars().take(LONGEST_ERROR).collect(),
    });
    CallError::Refused { status, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_error_of_the_api_is_kept_as_text() {
        let refused = refusal(StatusCode::BAD_GATEWAY, "<html>");
        assert_eq!(refused.to_string(), "502 Bad Gateway: Unknown: <html>");
        let refused = refusal(
            StatusCode::PRECONDITION_FAILED,
            r#"{"reason": "TermTooLow", "message": "the highest seen is 9"}"#,
        );
        assert_eq!(refused.reason(), Some("TermTooLow"));
    }
}
