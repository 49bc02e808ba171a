#include "signature.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <vector>

#include "digest.hpp"

namespace sluice::servers {
namespace {

constexpr std::int64_t skew_seconds_max = 15 * 60;

// "Name=value" of the Authorization header.
std::string_view part_of(std::string_view header, std::string_view name) {
  const std::string start = std::string(name) + "=";
  const std::size_t at = header.find(start);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = header.substr(at + start.size());
  return rest.substr(0, rest.find_first_of(", "));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// 20150830T123600Z as seconds since 1970; 0 when it is no such time.
std::int64_t seconds_of(std::string_view text) {
  std::tm time{};
  const std::string copy(text);
  const char* const end = strptime(copy.c_str(), "%Y%m%dT%H%M%SZ", &time);
  return end != nullptr && *end == '\0' ? timegm(&time) : 0;
}

std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : value)
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return {};
  std::vector<std::string> pairs;
  for (const std::string_view pair : split(query, '&')) {
    pairs.emplace_back(pair);
    if (pair.find('=') == std::string_view::npos) pairs.back() += '=';
  }
  std::ranges::sort(pairs);
  std::string out;
  for (const std::string& pair : pairs) out += (out.empty() ? "" : "&") + pair;
  return out;
}

}  // namespace

Signature check_signature(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds) {
  const std::string_view authorization = request.header("authorization");
  if (!authorization.starts_with("AWS4-HMAC-SHA256 ")) return Signature::absent;
  const auto scope = split(part_of(authorization, "Credential"), '/');
  const std::string_view signed_headers = part_of(authorization, "SignedHeaders");
  const std::string_view date = request.header("x-amz-date");
  if (scope.size() != 5 || scope[3] != "sqs" || scope[4] != "aws4_request") return Signature::wrong;
  if (scope[0] != key.id || request.header("x-amz-security-token") != key.token) return Signature::unknown_key;
  if (date.substr(0, 8) != scope[1]) return Signature::wrong;
  if (std::abs(seconds_of(date) - now_seconds) > skew_seconds_max) return Signature::expired;

  std::string canonical;
  canonical.append(request.method).append("\n").append(request.path).append("\n");
  canonical.append(canonical_query(request.query)).append("\n");
  bool host = false;
  for (const std::string_view name : split(signed_headers, ';')) {
    host = host || name == "host";
    canonical.append(name).append(":").append(trimmed(request.header(name))).append("\n");
  }
  if (!host) return Signature::wrong;
  canonical.append("\n").append(signed_headers).append("\n").append(hex(sha256(request.body)));

  std::string text = "AWS4-HMAC-SHA256\n";
  text.append(date).append("\n");
  text.append(scope[1]).append("/").append(scope[2]).append("/sqs/aws4_request\n").append(hex(sha256(canonical)));
  const Sha256 day = hmac_sha256("AWS4" + key.secret, scope[1]);
  const Sha256 region = hmac_sha256(as_text(day), scope[2]);
  const Sha256 service = hmac_sha256(as_text(region), "sqs");
  const Sha256 signing = hmac_sha256(as_text(service), "aws4_request");
  const bool same = hex(hmac_sha256(as_text(signing), text)) == part_of(authorization, "Signature");
  return same ? Signature::good : Signature::wrong;
}

}  // namespace sluice::servers
