//! Why a login gets no token.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    error::JsonPayloadError,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
};
use countersign::{adapter::Reply, issue::IssueError, session::TooManyLogins};
use demo::NotChecked;

use crate::answers::message;

/// Why a login gets no token. It is the answer, too.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// Our own trouble. The client need not know which.
    Internal,
    /// Too many have failed before it.
    Limited(TooManyLogins),
    /// It came with too many others.
    TooMany,
    /// It cannot be read.
    Unreadable(StatusCode),
    /// It does not say whether the address or the password is wrong.
    Wrong,
}

impl LoginError {
    fn text(&self) -> &'static str {
        match self {
            Self::Internal => "Something went wrong",
            Self::Limited(_) => "too many failed logins",
            Self::TooMany => demo::TOO_MANY_LOGINS,
            Self::Unreadable(status) => demo::unreadable(status.as_u16()),
            Self::Wrong => "Invalid email or password",
        }
    }
}

impl ResponseError for LoginError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unreadable(status) => *status,
            Self::Wrong => StatusCode::UNAUTHORIZED,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Limited(refused) = self {
            return written(Reply::from(refused));
        }
        let mut answer = message(self.status_code(), self.text());
        if let Self::TooMany = self {
            let seconds = HeaderValue::from_static("1");
            answer.headers_mut().insert(RETRY_AFTER, seconds);
        }
        answer
    }
}

/// What `SessionReply` does where a handler returns it, and not an error.
fn written(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status());
    let mut answer = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    for header in reply.headers() {
        answer.append_header(header);
    }
    answer.body(reply.into_body())
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl From<IssueError> for LoginError {
    fn from(error: IssueError) -> Self {
        demo::complain(format_args!("error: {error}"));
        Self::Internal
    }
}

impl From<NotChecked> for LoginError {
    fn from(why: NotChecked) -> Self {
        match why {
            NotChecked::Busy => Self::TooMany,
            NotChecked::Limited(refused) => Self::Limited(refused),
            _ => Self::Internal,
        }
    }
}

impl From<JsonPayloadError> for LoginError {
    fn from(error: JsonPayloadError) -> Self {
        Self::Unreadable(match error {
            JsonPayloadError::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            // It is JSON, only not what a login looks like.
            JsonPayloadError::Deserialize(error) if error.is_data() => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            error => error.status_code(),
        })
    }
}
