//! The tables: which word of a vendor means which failure. Data first, then how it is searched.
//! A test prints them in docs/protocol/openai.md.

use teahouse_core::FailureKind::{self, *};

/// Values of `error.code` and `error.type`, in lower case. Zhipu's are numbers in a string.
const CODES: &[(FailureKind, &str)] = &[
    (
        BadKey,
        "invalid_api_key incorrect_api_key_error invalid_authentication_error authentication_error \
         invalidapikey api_key_invalid invalid_iam_token 1000 1001 1002 1003 1004",
    ),
    (
        IpOrRegion,
        "unsupported_country_region_territory request_forbidden ip_not_authorized",
    ),
    (
        AccountDead,
        "account_deactivated organization_deactivated 1110 1111 1112 1121",
    ),
    (
        NoMoney,
        "insufficient_quota credit_balance_exhausted exceeded_current_quota_error billing_error \
         billing_not_active billing_hard_limit_reached insufficient_user_quota arrearage 1113 1309 \
         30001",
    ),
    (
        PlanWindow,
        "enforced_spend_limit_reached 1304 1308 1310 1313",
    ),
    (
        NoRight,
        "permission_error permission_denied insufficient_permissions accessdenied \
         model.accessdenied 1220 1311",
    ),
    (
        Rate,
        "rate_limit_exceeded rate_limit_error rate_limit_reached_error slow_down requests tokens \
         throttling throttling.ratequota throttling.burstrate throttling.allocationquota \
         limit_requests limit_burst_rate rpm_rate_limit_exceeded tpm_rate_limit_exceeded 1302 1303",
    ),
    (
        Overloaded,
        "server_is_overloaded overloaded_error engine_overloaded_error unavailable_error \
         modelservingerror 1305 1312",
    ),
    (Timeout, "timeout timeout_error request_timeout"),
    (
        TooLong,
        "context_length_exceeded exceed_context_size_error request_too_large \
         string_above_max_length tokens_too_long characters_too_long 1261",
    ),
    (
        ContentInput,
        "content_filter content_policy_violation responsibleaipolicyviolation \
         data_inspection_failed datainspectionfailed unsafe_request sensitive_words_detected 1301",
    ),
    (BadRequest, "malformed_json invalid_messages 1210 1213 1214"),
    (
        BadModel,
        "model_not_found modelnotfound deploymentnotfound invalid_model resource_not_found_error \
         not_found_error 1211 1221 20012",
    ),
    (Conflict, "conflict_error"),
];

/// How messages begin, in lower case; `…` stands for up to 80 bytes.
const MESSAGES: &[(FailureKind, &[&str])] = &[
    (
        BadKey,
        &[
            "incorrect api key provided",
            "invalid api key",
            "api key not valid",
            "authentication fails",
            "api key is invalid",
            "无效的令牌",
        ],
    ),
    (
        IpOrRegion,
        &[
            "country, region, or territory not supported",
            "user location is not supported",
            "ip not authorized",
            "your ip … not authorized",
        ],
    ),
    (
        AccountDead,
        &[
            "this organization has been disabled",
            "your organization has been disabled",
            "this organization has been restricted",
            "your account has been deactivated",
            "your access was terminated",
        ],
    ),
    (
        NoMoney,
        &[
            "you exceeded your current quota",
            "your credit balance is too low",
            "insufficient balance",
            "insufficient credits",
            "sorry, your account balance is insufficient",
            "free allocated quota exceeded",
            "access denied, please make sure your account is in good standing",
            "余额不足",
            "账户余额不足",
            "您的账户已欠费",
            "账户已欠费",
            "已欠费",
            "用户额度不足",
        ],
    ),
    (PlanWindow, &["you have reached your specified"]),
    (
        Rate,
        &[
            "allocated quota exceeded",
            "requests rate limit exceeded",
            "rate limit reached",
            "rate limit exceeded",
            "request was rejected due to rate limiting",
            "too many requests",
        ],
    ),
    (
        Overloaded,
        &[
            "the model is overloaded",
            "model is overloaded",
            "the server is overloaded",
            "the engine is currently overloaded",
            "service is too busy",
            "system is too busy",
            "loading model",
            "当前分组上游负载已饱和",
        ],
    ),
    (
        TooLong,
        &[
            "this model's maximum context length",
            "'max_tokens' or 'max_completion_tokens' is too large",
            "range of input length should be",
            "the input token count … exceeds the maximum number of tokens",
            "prompt is too long",
            "your request exceeded model token limit",
            "exceeded model token limit",
            "request (… tokens) exceeds the available context size",
            "the input … is longer than the model's context length",
        ],
    ),
    (
        ContentInput,
        &[
            "the request was rejected because it was considered high risk",
            "the response was filtered due to the prompt triggering",
            "input data may contain inappropriate content",
            "input text data may contain inappropriate content",
            "content exists risk",
            "系统检测到输入或生成内容可能包含不安全或敏感内容",
        ],
    ),
    (
        ContentOutput,
        &[
            "output data may contain inappropriate content",
            "output text data may contain inappropriate content",
        ],
    ),
    (
        BadModel,
        &[
            "model does not exist",
            "the model `…` does not exist",
            "model '…' not found",
            "model \"…\" not found",
        ],
    ),
];

/// Statuses, and numbers of 400 to 599 in `error.code`, where nothing else decided.
const STATUSES: &[(FailureKind, &[u16])] = &[
    (BadKey, &[401]),
    (NoMoney, &[402]),
    (NoRight, &[403]),
    (BadModel, &[404]),
    (Timeout, &[408, 499]),
    (Conflict, &[409]),
    (TooLong, &[413]),
    (Rate, &[429]),
    (
        Server,
        &[500, 501, 502, 504, 520, 521, 522, 523, 524, 525, 526, 530],
    ),
    (Overloaded, &[503, 529]),
];

/// Of a code or type in lower case.
pub(super) fn by_code(code: &str) -> Option<FailureKind> {
    let listed = |row: &&(FailureKind, &str)| row.1.split(' ').any(|listed| listed == code);
    CODES.iter().find(listed).map(|(kind, _)| *kind)
}

/// By how a message begins; what follows may be a member's.
pub(super) fn by_message(message: &str) -> Option<FailureKind> {
    let message = message.to_lowercase();
    let mut start = message.as_str();
    // Relays put a class name in front, one inside the other: "<400> InternalError.Algo: Range of …".
    for _ in 0..4 {
        let row = MESSAGES
            .iter()
            .find(|(_, row)| row.iter().any(|pattern| begins(start, pattern)));
        if let Some((kind, _)) = row {
            return Some(*kind);
        }
        start = without_class_name(start)?;
    }
    None
}

fn begins(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    parts.all(|part| match rest.find(part) {
        Some(at) if at <= 80 => {
            rest = &rest[at + part.len()..];
            true
        }
        _ => false,
    })
}

/// The text after one leading class name; nothing if it starts otherwise.
fn without_class_name(text: &str) -> Option<&str> {
    let (head, rest) = text.split_once(": ").unwrap_or((text, ""));
    let head = head.trim_start_matches(|c: char| "<>[]() ".contains(c) || c.is_ascii_digit());
    let is_class_name = head
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_'));
    let is_known = matches!(head, "invalid request" | "error code" | "upstream error");
    (head.len() <= 60 && !rest.is_empty() && (is_class_name || is_known)).then(|| rest.trim_start())
}

/// Where nothing else decided.
pub(super) fn by_status(status: u16) -> FailureKind {
    let row = STATUSES.iter().find(|(_, row)| row.contains(&status));
    match row {
        Some((kind, _)) => *kind,
        None if status >= 500 => Server,
        None => BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_the_protocol_holds_the_tables_of_this_file() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol/openai.md");
        let text = std::fs::read_to_string(page).unwrap();
        let (open, close) = ("<!-- failures -->\n", "<!-- /failures -->");
        let (before, rest) = text.split_once(open).unwrap();
        let (table, after) = rest.split_once(close).unwrap();
        if std::env::var_os("TEAHOUSE_WRITE_DOCS").is_some() {
            let text = format!("{before}{open}{}{close}{after}", printed_tables());
            std::fs::write(page, text).unwrap();
            return;
        }
        assert_eq!(
            table,
            printed_tables(),
            "run this test with TEAHOUSE_WRITE_DOCS=1"
        );
    }

    fn printed_tables() -> String {
        let mut out = String::from(
            "| kind | code or type | the message begins with | status |\n| --- | --- | --- | --- |\n",
        );
        let all = [
            BadKey,
            IpOrRegion,
            AccountDead,
            NoMoney,
            PlanWindow,
            NoRight,
            Rate,
            Overloaded,
            Server,
            Timeout,
            Network,
            TooLong,
            ContentInput,
            ContentOutput,
            BadRequest,
            BadModel,
            Conflict,
            Interrupted,
            Empty,
        ];
        for kind in all {
            let codes = CODES.iter().filter(|(of, _)| *of == kind);
            let codes = codes.flat_map(|(_, row)| row.split(' '));
            let codes: Vec<String> = codes.map(|code| format!("`{code}`")).collect();
            let messages = MESSAGES.iter().filter(|(of, _)| *of == kind);
            let messages = messages.flat_map(|(_, row)| row.iter());
            let messages: Vec<String> = messages.map(|text| format!("“{text}”")).collect();
            let statuses = STATUSES.iter().filter(|(of, _)| *of == kind);
            let statuses = statuses.flat_map(|(_, row)| row.iter());
            let mut statuses: Vec<String> = statuses.map(u16::to_string).collect();
            match kind {
                BadRequest => statuses.push("other 4xx".into()),
                Server => statuses.push("3xx, other 5xx".into()),
                _ => {}
            }
            let name = serde_json::to_value(kind).unwrap();
            out += &format!(
                "| `{}` | {} | {} | {} |\n",
                name.as_str().unwrap(),
                codes.join(", "),
                messages.join(", "),
                statuses.join(", ")
            );
        }
        out
    }
}
