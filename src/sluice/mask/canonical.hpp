// The one form of a value that is masked: two ways to write the same thing must give one token.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::mask {

std::string_view trimmed(std::string_view text);  // without ASCII space around it
bool is_utf8(std::string_view text);

// Surrounding ASCII space is dropped in every form.
enum class Form {
  text,    // Unicode NFC
  ip,      // an IPv4 or IPv6 address: its 16 bytes
  device,  // text; in lower case where it has only hex digits and '-', ':', '.'
  email,   // text with one @; the domain in lower case, the part before it as it stands
};

std::optional<Form> parse_form(std::string_view name);
std::string_view to_string(Form form);
// The form a domain is named after; text for any other domain.
Form form_of_domain(std::string_view domain);

// Puts the canonical bytes of `value` into `out`, which is reused: nothing is allocated where its capacity is
// enough. nullptr: done; else the reason code why `value` has no such form, and `out` is empty:
// "invalid_ip", "invalid_email", "not_utf8", "too_many_marks".
const char* canonicalize(Form form, std::string_view value, std::string& out);

inline bool canonical(Form form, std::string_view value, std::string& out) {
  return canonicalize(form, value, out) == nullptr;
}

// Canonical bytes back to text. False, with `out` empty, if they are not of that form.
bool readable(Form form, std::string_view canonical_bytes, std::string& out);

}  // namespace sluice::mask
