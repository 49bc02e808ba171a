// Parts of a URL, and percent-encoding as AWS wants it (RFC 3986: all but A-Z a-z 0-9 - . _ ~).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sluice::aws {

// Views of the text that it was made from.
struct Url {
  bool https = false;
  std::string_view origin;     // "https://host:port", as written: fit for messages
  std::string_view host;       // without port; IPv6 without its brackets
  std::string_view authority;  // what the Host header says: no port if it is the scheme's own
  std::string_view path;       // from the first '/', encoded as it was given; may be empty
  std::string_view query;      // without '?'
};

// http or https with a plain host name, IPv4 or [IPv6], perhaps a port, path and query. Empty for
// everything else: user names, fragments, control characters, odd hosts.
std::optional<Url> split_url(std::string_view text);

// 127.0.0.0/8, ::1 and "localhost", by the text alone: no name is looked up.
bool is_loopback(std::string_view host);
// The link-local addresses at which EC2, ECS and EKS serve credentials.
bool is_metadata_address(std::string_view host);

// "a b/c" -> "a%20b%2Fc"; with keep_slash "a%20b/c", for object keys.
std::string percent_encode(std::string_view text, bool keep_slash = false);
void percent_encode_to(std::string& out, std::string_view text, bool keep_slash);
// As percent_encode_to, for text that is encoded already, in one way or another: "a%2fb %41" -> "a%2Fb%20A".
void percent_encode_anew_to(std::string& out, std::string_view text, bool keep_slash);

}  // namespace sluice::aws
