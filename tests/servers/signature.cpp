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

// Names in signed order, with their values; false when the host is not among them.
bool append_headers(std::string& canonical, const HttpRequest& request, std::string_view names) {
  bool host = false;
  for (const std::string_view name : split(names, ';')) {
    host = host || name == "host";
    canonical.append(name).append(":").append(trimmed(request.header(name))).append("\n");
  }
  canonical.append("\n").append(names).append("\n");
  return host;
}

std::string signature_of(const std::string& canonical, std::string_view date, std::string_view day,
                         std::string_view region, std::string_view service, const SigningKey& key) {
  std::string text = "AWS4-HMAC-SHA256\n";
  text.append(date).append("\n").append(day).append("/").append(region).append("/").append(service);
  text.append("/aws4_request\n").append(hex(sha256(canonical)));
  const Sha256 of_day = hmac_sha256("AWS4" + key.secret, day);
  const Sha256 of_region = hmac_sha256(as_text(of_day), region);
  const Sha256 of_service = hmac_sha256(as_text(of_region), service);
  const Sha256 signing = hmac_sha256(as_text(of_service), "aws4_request");
  return hex(hmac_sha256(as_text(signing), text));
}

}  // namespace

std::string_view signed_region(const HttpRequest& request) {
  const auto scope = split(part_of(request.header("authorization"), "Credential"), '/');
  return scope.size() == 5 ? scope[2] : std::string_view{};
}

Signature check_presigned(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds) {
  std::string rest;  // the query as it was signed
  std::string signature;
  std::string date;
  std::string scope_text;
  std::string names;
  std::string token;
  std::int64_t expires = 0;
  const auto decoded = [](std::string_view value) {
    std::string out;
    for (std::size_t at = 0; at < value.size(); ++at) {
      if (value[at] != '%') {
        out += value[at];
        continue;
      }
      out += static_cast<char>(std::strtol(std::string(value.substr(at + 1, 2)).c_str(), nullptr, 16));
      at += 2;
    }
    return out;
  };
  for (const std::string_view pair : split(request.query, '&')) {
    const std::size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const std::string value = equals == std::string_view::npos ? std::string() : decoded(pair.substr(equals + 1));
    if (name == "X-Amz-Signature") {
      signature = value;
      continue;
    }
    rest.append(rest.empty() ? "" : "&").append(pair);
    if (name == "X-Amz-Date") date = value;
    if (name == "X-Amz-Credential") scope_text = value;
    if (name == "X-Amz-SignedHeaders") names = value;
    if (name == "X-Amz-Security-Token") token = value;
    if (name == "X-Amz-Expires") expires = std::atoll(value.c_str());
  }
  const auto scope = split(scope_text, '/');
  if (signature.empty() || scope.size() != 5) return Signature::absent;
  if (scope[0] != key.id || token != key.token) return Signature::unknown_key;
  if (expires < 1 || expires > 7 * 86400 || date.substr(0, 8) != scope[1]) return Signature::wrong;
  if (now_seconds > seconds_of(date) + expires) return Signature::expired;
  std::string canonical;
  canonical.append(request.method).append("\n").append(request.path).append("\n");
  canonical.append(canonical_query(rest)).append("\n");
  if (!append_headers(canonical, request, names)) return Signature::wrong;
  canonical += "UNSIGNED-PAYLOAD";
  const bool same = signature_of(canonical, date, scope[1], scope[2], "s3", key) == signature;
  return same ? Signature::good : Signature::wrong;
}

Signature check_signature(const HttpRequest& request, const SigningKey& key, std::int64_t now_seconds,
                          std::string_view service) {
  const std::string_view authorization = request.header("authorization");
  if (!authorization.starts_with("AWS4-HMAC-SHA256 ")) return Signature::absent;
  const auto scope = split(part_of(authorization, "Credential"), '/');
  const std::string_view signed_headers = part_of(authorization, "SignedHeaders");
  const std::string_view date = request.header("x-amz-date");
  if (scope.size() != 5 || scope[3] != service || scope[4] != "aws4_request") return Signature::wrong;
  if (scope[0] != key.id || request.header("x-amz-security-token") != key.token) return Signature::unknown_key;
  if (date.substr(0, 8) != scope[1]) return Signature::wrong;
  if (std::abs(seconds_of(date) - now_seconds) > skew_seconds_max) return Signature::expired;

  std::string canonical;
  canonical.append(request.method).append("\n").append(request.path).append("\n");
  canonical.append(canonical_query(request.query)).append("\n");
  if (!append_headers(canonical, request, signed_headers)) return Signature::wrong;
  // S3 wants the body's hash, or the word that there is none, as a signed header.
  const std::string_view payload = request.header("x-amz-content-sha256");
  if (service == "s3" && payload.empty()) return Signature::wrong;
  canonical.append(service == "s3" ? std::string(payload) : hex(sha256(request.body)));
  const bool same =
      signature_of(canonical, date, scope[1], scope[2], service, key) == part_of(authorization, "Signature");
  return same ? Signature::good : Signature::wrong;
}

}  // namespace sluice::servers
