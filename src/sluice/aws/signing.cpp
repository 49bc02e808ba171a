#include "sluice/aws/signing.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "sluice/aws/uri.hpp"

namespace sluice::aws {
namespace {

using Digest = std::array<unsigned char, 32>;

constexpr std::string_view algorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view unsigned_payload_text = "UNSIGNED-PAYLOAD";
constexpr std::chrono::seconds expires_max = std::chrono::hours(24 * 7);

struct FreeDigest {
  void operator()(EVP_MD* md) const { EVP_MD_free(md); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};

// Without SHA-256 there is no TLS either: nothing sensible is left to do.
void must(bool ok) {
  if (!ok) std::abort();
}

// Fetched once: looking an algorithm up costs OpenSSL 3 more than hashing 2 kB.
class Hasher {
 public:
  Hasher()
      : sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
        context_(EVP_MD_CTX_new()),
        mac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
        mac_context_(EVP_MAC_CTX_new(mac_.get())) {
    must(sha256_ && context_ && mac_ && mac_context_);
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                                 OSSL_PARAM_construct_end()};
    must(EVP_MAC_CTX_set_params(mac_context_.get(), params) == 1);
  }
  Digest hash(std::string_view data) {
    Digest digest;
    must(EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1 &&
         EVP_DigestUpdate(context_.get(), data.data(), data.size()) == 1 &&
         EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
    return digest;
  }
  Digest hmac(const unsigned char* key, std::size_t size, std::string_view data) {
    Digest digest;
    std::size_t written = 0;
    must(EVP_MAC_init(mac_context_.get(), key, size, nullptr) == 1 &&
         EVP_MAC_update(mac_context_.get(), reinterpret_cast<const unsigned char*>(data.data()), data.size()) == 1 &&
         EVP_MAC_final(mac_context_.get(), digest.data(), &written, digest.size()) == 1 && written == digest.size());
    return digest;
  }
  Digest hmac(const Digest& key, std::string_view data) { return hmac(key.data(), key.size(), data); }

 private:
  std::unique_ptr<EVP_MD, FreeDigest> sha256_;
  std::unique_ptr<EVP_MD_CTX, FreeDigest> context_;
  std::unique_ptr<EVP_MAC, FreeDigest> mac_;
  std::unique_ptr<EVP_MAC_CTX, FreeDigest> mac_context_;
};

void append_hex(std::string& out, const Digest& digest) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const unsigned char byte : digest) {
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view name, std::string_view lower_case_name) {
  return name.size() == lower_case_name.size() &&
         std::equal(name.begin(), name.end(), lower_case_name.begin(), [](char a, char b) { return lower(a) == b; });
}

// Proxies and curl itself may change or add these on the way.
bool is_signed_header(std::string_view lower_case_name) {
  constexpr std::array<std::string_view, 5> left_out{"authorization", "connection", "expect", "user-agent",
                                                     "x-amzn-trace-id"};
  return std::find(left_out.begin(), left_out.end(), lower_case_name) == left_out.end();
}

// "20150830T123600Z"
void format_time(std::string& out, std::int64_t now) {
  const std::chrono::sys_seconds time{std::chrono::seconds(now)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  const auto two = [&out](unsigned value) {
    out += static_cast<char>('0' + value / 10 % 10);
    out += static_cast<char>('0' + value % 10);
  };
  out.clear();
  const auto year = static_cast<unsigned>(static_cast<int>(date.year()));
  two(year / 100);
  two(year);
  two(static_cast<unsigned>(date.month()));
  two(static_cast<unsigned>(date.day()));
  out += 'T';
  two(static_cast<unsigned>(clock.hours().count()));
  two(static_cast<unsigned>(clock.minutes().count()));
  two(static_cast<unsigned>(clock.seconds().count()));
  out += 'Z';
}

// Ends trimmed, each run of white space one space (a folded header's line breaks too).
void append_trimmed(std::string& out, std::string_view value) {
  bool gap = false;
  bool any = false;
  for (const char c : value) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      gap = true;
      continue;
    }
    if (gap && any) out += ' ';
    gap = false;
    any = true;
    out += c;
  }
}

// RFC 3986 section 5.2.4, and empty segments go too.
void append_normalised_path(std::string& out, std::string_view path) {
  std::vector<std::string_view> segments;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view segment = path.substr(at, end - at);
    if (segment == "..") {
      if (!segments.empty()) segments.pop_back();
    } else if (!segment.empty() && segment != ".") {
      segments.push_back(segment);
    }
    at = end + 1;
  }
  for (const std::string_view segment : segments) {
    out += '/';
    percent_encode_to(out, segment, false);
  }
  if (segments.empty() || path.ends_with('/')) out += '/';
}

void append_canonical_path(std::string& out, std::string_view path, bool normalise) {
  if (path.empty() || path == "/") {
    out += '/';
  } else if (normalise) {
    append_normalised_path(out, path);
  } else {
    percent_encode_anew_to(out, path, true);
  }
}

void append_canonical_query(std::string& out, std::string_view query) {
  if (query.empty()) return;
  std::vector<std::pair<std::string, std::string>> parameters;
  for (std::size_t at = 0; at <= query.size();) {
    const std::size_t end = std::min(query.find('&', at), query.size());
    const std::string_view parameter = query.substr(at, end - at);
    at = end + 1;
    if (parameter.empty()) continue;
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    auto& [name, value] = parameters.emplace_back();
    percent_encode_anew_to(name, parameter.substr(0, equals), false);
    if (equals < parameter.size()) percent_encode_anew_to(value, parameter.substr(equals + 1), false);
  }
  std::sort(parameters.begin(), parameters.end());
  bool first = true;
  for (const auto& [name, value] : parameters) {
    if (!first) out += '&';
    first = false;
    out += name;
    out += '=';
    out += value;
  }
}

}  // namespace

class Signer::Impl {
 public:
  Impl(std::string service, std::string region, SigningOptions options)
      : service_(std::move(service)), region_(std::move(region)), options_(options) {}

  void sign(Request& request, const Credentials& credentials, std::int64_t now) {
    std::erase_if(request.headers, [](const auto& header) {
      return same_name(header.first, "authorization") || same_name(header.first, "x-amz-date") ||
             same_name(header.first, "x-amz-security-token") || same_name(header.first, "x-amz-content-sha256");
    });
    start_day(credentials, now);
    hash_payload(request);
    if (!credentials.token.empty()) request.headers.emplace_back("X-Amz-Security-Token", credentials.token);
    request.headers.emplace_back("X-Amz-Date", time_);
    if (options_.payload_header) request.headers.emplace_back("x-amz-content-sha256", payload_);

    const Url url = parts_of(request);
    list_headers(request, url, options_.omit_session_token);
    write_canonical_request(request, url, url.query);
    write_string_to_sign();

    std::string value;
    value.reserve(160 + names_.size());
    value += algorithm;
    value += " Credential=";
    value += credentials.key_id;
    value += '/';
    value += scope_;
    value += ", SignedHeaders=";
    value += names_;
    value += ", Signature=";
    append_hex(value, hasher_.hmac(key_, string_to_sign_));
    request.headers.emplace_back("Authorization", std::move(value));
  }

  void presign(Request& request, const Credentials& credentials, std::int64_t now, std::chrono::seconds expires) {
    start_day(credentials, now);
    hash_payload(request);
    const Url url = parts_of(request);
    list_headers(request, url, true);

    std::string query(url.query);
    if (!query.empty()) query += '&';
    query += "X-Amz-Algorithm=";
    query += algorithm;
    query += "&X-Amz-Credential=";
    percent_encode_to(query, credentials.key_id + "/" + scope_, false);
    query += "&X-Amz-Date=";
    query += time_;
    query += "&X-Amz-SignedHeaders=";
    percent_encode_to(query, names_, false);
    query += "&X-Amz-Expires=";
    query += std::to_string(expires.count());
    std::string token;
    if (!credentials.token.empty()) {
      token = "&X-Amz-Security-Token=";
      percent_encode_to(token, credentials.token, false);
    }
    if (!options_.omit_session_token) query += token;

    write_canonical_request(request, url, query);
    write_string_to_sign();

    if (options_.omit_session_token) query += token;
    query += "&X-Amz-Signature=";
    append_hex(query, hasher_.hmac(key_, string_to_sign_));
    std::string signed_url(url.origin);
    signed_url += url.path.empty() ? "/" : url.path;
    signed_url += '?';
    signed_url += query;
    request.url = std::move(signed_url);
  }

  const std::string& canonical_request() const { return canonical_request_; }
  const std::string& string_to_sign() const { return string_to_sign_; }

 private:
  // A URL that cannot be read is refused by Http; what is signed for it does not matter.
  static Url parts_of(const Request& request) { return split_url(request.url).value_or(Url{}); }

  void start_day(const Credentials& credentials, std::int64_t now) {
    format_time(time_, now);
    const std::string_view day = std::string_view(time_).substr(0, 8);
    if (day == day_ && credentials.secret == secret_) return;
    day_ = day;
    secret_ = credentials.secret;
    scope_ = day_ + "/" + region_ + "/" + service_ + "/aws4_request";
    const std::string first = "AWS4" + secret_;
    key_ = hasher_.hmac(reinterpret_cast<const unsigned char*>(first.data()), first.size(), day_);
    key_ = hasher_.hmac(key_, region_);
    key_ = hasher_.hmac(key_, service_);
    key_ = hasher_.hmac(key_, "aws4_request");
  }

  void hash_payload(const Request& request) {
    payload_.clear();
    if (options_.unsigned_payload) {
      payload_ = unsigned_payload_text;
    } else {
      append_hex(payload_, hasher_.hash(request.content()));
    }
  }

  struct Header {
    std::size_t start;  // of its lower-case name in lowered_
    std::size_t size;
    std::string_view value;
  };

  std::string_view name_of(const Header& header) const {
    return std::string_view(lowered_).substr(header.start, header.size);
  }

  void add_header(std::string_view name, std::string_view value) {
    const std::size_t start = lowered_.size();
    for (const char c : name) lowered_ += lower(c);
    if (is_signed_header(std::string_view(lowered_).substr(start))) {
      headers_.push_back({start, name.size(), value});
    }
  }

  // Fills headers_ in canonical order and names_, "host;x-amz-date".
  void list_headers(const Request& request, const Url& url, bool without_token) {
    headers_.clear();
    lowered_.clear();
    bool has_host = false;
    for (const auto& [name, value] : request.headers) {
      if (without_token && same_name(name, "x-amz-security-token")) continue;
      has_host = has_host || same_name(name, "host");
      add_header(name, value);
    }
    if (!has_host) add_header("host", url.authority);
    // Values of one name stay in the order they are sent.
    std::stable_sort(headers_.begin(), headers_.end(),
                     [this](const Header& a, const Header& b) { return name_of(a) < name_of(b); });
    names_.clear();
    std::string_view last;
    for (const Header& header : headers_) {
      const std::string_view name = name_of(header);
      if (name == last) continue;
      if (!names_.empty()) names_ += ';';
      names_ += name;
      last = name;
    }
  }

  void write_canonical_request(const Request& request, const Url& url, std::string_view query) {
    std::string& out = canonical_request_;
    out.clear();
    out += request.method;
    out += '\n';
    append_canonical_path(out, url.path, options_.normalise_path);
    out += '\n';
    append_canonical_query(out, query);
    out += '\n';
    std::string_view last;
    for (const Header& header : headers_) {
      const std::string_view name = name_of(header);
      if (name == last) {
        out.back() = ',';
      } else {
        out += name;
        out += ':';
      }
      append_trimmed(out, header.value);
      out += '\n';
      last = name;
    }
    out += '\n';
    out += names_;
    out += '\n';
    out += payload_;
  }

  void write_string_to_sign() {
    string_to_sign_.clear();
    string_to_sign_ += algorithm;
    string_to_sign_ += '\n';
    string_to_sign_ += time_;
    string_to_sign_ += '\n';
    string_to_sign_ += scope_;
    string_to_sign_ += '\n';
    append_hex(string_to_sign_, hasher_.hash(canonical_request_));
  }

  std::string service_;
  std::string region_;
  SigningOptions options_;
  Hasher hasher_;

  std::string day_;     // of key_: "20150830"
  std::string secret_;  // of key_
  std::string scope_;   // "20150830/us-east-1/sqs/aws4_request"
  Digest key_{};

  // Of the request at hand; kept for their memory.
  std::string time_;
  std::string payload_;
  std::string lowered_;
  std::vector<Header> headers_;
  std::string names_;
  std::string canonical_request_;
  std::string string_to_sign_;
};

Signer::Signer(std::string service, std::string region) : Signer(std::move(service), std::move(region), {}) {}
Signer::Signer(std::string service, std::string region, SigningOptions options)
    : impl_(std::make_unique<Impl>(std::move(service), std::move(region), options)) {}
Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;

void Signer::sign(Request& request, const Credentials& credentials, std::int64_t now) {
  impl_->sign(request, credentials, now);
}

Result<void> Signer::presign(Request& request, const Credentials& credentials, std::int64_t now,
                             std::chrono::seconds expires) {
  if (expires < std::chrono::seconds(1) || expires > expires_max) {
    return fail(Fault::config, "a presigned URL cannot be valid for " + std::to_string(expires.count()) + " seconds",
                "AWS allows 1 second to 7 days (604800)");
  }
  if (!split_url(request.url)) return fail(Fault::config, "a URL to presign is not an http or https URL");
  impl_->presign(request, credentials, now, expires);
  return {};
}

const std::string& Signer::canonical_request() const { return impl_->canonical_request(); }
const std::string& Signer::string_to_sign() const { return impl_->string_to_sign(); }

}  // namespace sluice::aws
