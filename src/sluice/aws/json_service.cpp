#include "sluice/aws/json_service.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <thread>

#include "sluice/aws/backoff.hpp"
#include "sluice/aws/service_options.hpp"
#include "sluice/aws/signed_calls.hpp"

namespace sluice::aws {
namespace {

constexpr int tries_max = 4;
constexpr std::size_t answer_bytes = 128U << 10U;  // in one piece of memory, so that no copy stays behind

// arn:aws:kms:REGION:ACCOUNT:key/ID
std::string region_of_arn(std::string_view arn) {
  if (!arn.starts_with("arn:")) return {};
  for (int part = 0; part < 3; ++part) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return {};
    arn.remove_prefix(colon + 1);
  }
  return std::string(arn.substr(0, arn.find(':')));
}

std::optional<RemoteError> read_error(const Response& response) {
  std::string code;
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (json.is_object() && json.contains("__type") && json["__type"].is_string()) {
    code = json["__type"].get<std::string>();
  } else {
    code = response.header("x-amzn-errortype");  // "AccessDeniedException:http://..."
    code.resize(std::min(code.size(), code.find(':')));
  }
  if (const std::size_t hash = code.find('#'); hash != std::string::npos) code.erase(0, hash + 1);
  const bool plain = !code.empty() && code.size() < 100 && std::ranges::all_of(code, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.';
  });
  if (!plain) return std::nullopt;
  return RemoteError{std::move(code), std::string(response.header("x-amzn-requestid"))};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Just behind the string that starts at `at`, a '"'; npos where it does not end.
std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      return at + 1;
    }
  }
  return std::string_view::npos;
}

// Takes ASCII escapes back, where the text stands. Gives the new size; npos for an escape of another kind.
std::size_t take_escapes_back(std::span<char> text) {
  std::size_t to = 0;
  for (std::size_t from = 0; from < text.size(); ++from) {
    char c = text[from];
    if (c == '\\') {
      if (++from == text.size()) return std::string_view::npos;
      switch (text[from]) {
        case '/':
        case '"':
        case '\\': c = text[from]; break;
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'u': {
          if (from + 4 >= text.size() || text[from + 1] != '0' || text[from + 2] != '0') return std::string_view::npos;
          const int high = hex_value(text[from + 3]);
          const int low = hex_value(text[from + 4]);
          if (high < 0 || high > 7 || low < 0) return std::string_view::npos;
          c = static_cast<char>(high * 16 + low);
          from += 4;
          break;
        }
        default: return std::string_view::npos;
      }
    }
    text[to++] = c;
  }
  return to;
}

}  // namespace

std::string_view SecretAnswer::text(std::string_view name) {
  const std::string_view all(body_);
  int depth = 0;
  for (std::size_t at = 0; at < all.size();) {
    if (all[at] == '{' || all[at] == '[') ++depth;
    if (all[at] == '}' || all[at] == ']') --depth;
    if (all[at] != '"') {
      ++at;
      continue;
    }
    const std::size_t end = end_of_string(all, at);
    if (end == std::string_view::npos) return {};
    const std::string_view word = all.substr(at + 1, end - at - 2);
    at = all.find_first_not_of(" \t\r\n", end);
    if (at == std::string_view::npos || all[at] != ':') {  // a value, or a member of a list
      at = end;
      continue;
    }
    at = all.find_first_not_of(" \t\r\n", at + 1);
    if (depth != 1 || word != name) continue;
    if (at == std::string_view::npos || all[at] != '"') return {};
    const std::size_t close = end_of_string(all, at);
    if (close == std::string_view::npos) return {};
    const std::span<char> inside(body_.data() + at + 1, close - at - 2);
    const std::size_t size = take_escapes_back(inside);
    if (size == std::string_view::npos) return {};
    std::ranges::fill(inside.subspan(size), ' ');  // else a '\\' left there would hide the quote from the next look
    return {inside.data(), size};
  }
  return {};
}

class JsonService::Impl {
 public:
  Impl(const ServiceKind& kind, ServiceEndpoint endpoint, const Clock& clock)
      : kind_(kind),
        endpoint_(std::move(endpoint)),
        calls_({.connection = std::string(kind.name),
                .service = std::string(kind.name),
                .region = endpoint_.region,
                .http = {.connections_max = 1}},
               clock, read_error) {}

  Result<SecretAnswer> call(std::string_view action, const std::string& body, const std::string& thing) {
    std::minstd_rand random(std::random_device{}());
    for (unsigned tries = 1;; ++tries) {
      bool throttled = false;
      auto answer = once(action, body, thing, throttled);
      if (answer || !answer.error().retryable() || tries == tries_max) return answer;
      std::this_thread::sleep_for(backoff(random, tries, throttled));
    }
  }

 private:
  Result<SecretAnswer> once(std::string_view action, const std::string& body, const std::string& thing,
                            bool& throttled) {
    Request request;
    request.url = endpoint_.own
                      ? endpoint_.url + "/"
                      : "https://" + std::string(kind_.name) + "." + endpoint_.region + endpoint_.domain() + "/";
    request.headers = {{"Content-Type", "application/x-amz-json-1.1"},
                       {"X-Amz-Target", std::string(kind_.target) + "." + std::string(action)}};
    request.body = body;
    request.answer_bytes = answer_bytes;
    request.timeout = std::chrono::seconds(10);
    std::optional<Result<Response>> got;
    calls_.start(action, std::move(request), [&got](Result<Response> response) { got = std::move(response); });
    while (!got) calls_.work(std::chrono::milliseconds(1000));
    const std::string place = thing + ": " + std::string(action);
    if (!*got) return fail(std::move(*got).error().within(place));
    if ((*got)->status == 200) return SecretAnswer(std::move((*got)->body));
    const auto remote = read_error(**got);
    throttled = remote && is_throttled(*remote);
    return fail(describe(action, thing, (*got)->status, remote));
  }

  Error describe(std::string_view action, const std::string& thing, int status,
                 const std::optional<RemoteError>& remote) const {
    if (!remote) {
      const std::string text = thing + ": " + std::string(action) + ": HTTP status " + std::to_string(status);
      if (status >= 500 || status == 429) return {Fault::transient, text, "the service is not well; try again later"};
      return {Fault::denied, text + " and nothing that AWS says", "is the endpoint right?"};
    }
    std::string text = ": " + std::string(action) + ": " + remote->code + " (region " + endpoint_.region;
    if (!remote->request_id.empty()) text += ", request " + remote->request_id;
    text += ")";
    for (const ServiceError& known : kind_.errors) {
      if (known.code == remote->code)
        return {known.fault, thing + " " + std::string(known.what) + text, std::string(known.hint)};
    }
    if (is_throttled(*remote)) return {Fault::transient, thing + text, "the account's request rate is used up"};
    if (is_out_of_date(*remote))
      return {Fault::denied, "the credentials have expired: " + thing + text, "get new ones, and try again"};
    if (is_wrong_signature(*remote)) {
      return {Fault::denied, "the signature was refused: " + thing + text,
              "check the secret access key, and this machine's clock"};
    }
    if (is_unknown_key(*remote))
      return {Fault::denied, "the credentials are not known: " + thing + text,
              "check AWS_ACCESS_KEY_ID or AWS_PROFILE"};
    if (status == 403 || remote->code.starts_with("AccessDenied")) {
      const std::string right = kind_.name == "kms" ? "kms:" : "secretsmanager:";
      return {Fault::denied, "not allowed: " + thing + text,
              "allow " + right + std::string(action) + " on it in the policy of the user or role"};
    }
    if (status >= 500) return {Fault::transient, thing + text, "the service is not well; try again later"};
    return {Fault::denied, thing + text};
  }

  ServiceKind kind_;
  ServiceEndpoint endpoint_;
  SignedCalls calls_;
};

Result<std::unique_ptr<JsonService>> JsonService::open(const ServiceKind& kind, std::string_view arn,
                                                       const std::string& thing, const Clock& clock) {
  Settings settings;
  const std::string region = region_of_arn(arn);
  SLUICE_TRY(ServiceEndpoint endpoint,
             read_endpoint(settings, {.service = kind.variable, .what = thing, .region = region}));
  // What AWS_REGION says is for things that do not say it themselves.
  if (!region.empty()) endpoint.region = region;
  return std::unique_ptr<JsonService>(new JsonService(std::make_unique<Impl>(kind, std::move(endpoint), clock)));
}

JsonService::JsonService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonService::~JsonService() = default;
Result<SecretAnswer> JsonService::call(std::string_view action, const std::string& body, const std::string& thing) {
  return impl_->call(action, body, thing);
}

}  // namespace sluice::aws
