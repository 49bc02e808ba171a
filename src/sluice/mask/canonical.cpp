#include "sluice/mask/canonical.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "sluice/mask/ip_address.hpp"

namespace sluice::mask {
namespace {

constexpr std::array<std::string_view, 4> form_names{"text", "ip", "device", "email"};  // in the order of Form

// Text that people write has at most 30 marks on one letter (the Stream-Safe Text Format of UAX #15). Putting
// them in order takes time that grows with their square, and a message may hold a million.
constexpr unsigned marks_max = 128;

// Code points under way. Kept by each thread, so that a value allocates nothing once it has grown; what one
// long value took is given back.
using CodePoints = std::vector<utf8proc_int32_t>;
constexpr std::size_t points_kept_max = 65536;
CodePoints& scratch() {
  thread_local CodePoints points;
  if (points.capacity() > points_kept_max) CodePoints().swap(points);
  return points;
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_ascii(std::string_view text) {
  std::uint64_t seen = 0;
  while (text.size() >= sizeof seen) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, text.data(), sizeof eight);
    seen |= eight;
    text.remove_prefix(sizeof eight);
  }
  for (const char c : text) seen |= static_cast<unsigned char>(c);
  return (seen & 0x8080808080808080U) == 0;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Reads `text` into code points; nullptr or a reason code.
const char* read_points(std::string_view text, CodePoints& points) {
  points.clear();
  unsigned marks = 0;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t taken = utf8proc_iterate(at, left, &point);
    if (taken <= 0) return "not_utf8";
    at += taken;
    left -= taken;
    marks = utf8proc_get_property(point)->combining_class == 0 ? 0 : marks + 1;
    if (marks > marks_max) return "too_many_marks";
    points.push_back(point);
  }
  return nullptr;
}

// Brings `points` to NFC and writes them as UTF-8. `points` is used up.
void write_nfc(CodePoints& points, std::string& out) {
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  // A code point decomposes into at most 4; the rest is room for both, side by side, and a final zero.
  constexpr std::size_t growth = 4;
  const std::size_t read = points.size();
  points.resize(read + read * growth + 1);
  utf8proc_int32_t* parts = points.data() + read;
  utf8proc_ssize_t length = 0;
  for (std::size_t i = 0; i < read; ++i) {
    int boundary = 0;
    length +=
        utf8proc_decompose_char(points[i], parts + length, static_cast<utf8proc_ssize_t>(growth), options, &boundary);
  }
  // Marks in the order of their classes, those of one class as they stood.
  const auto mark_class = [](utf8proc_int32_t point) { return utf8proc_get_property(point)->combining_class; };
  for (utf8proc_ssize_t i = 1; i < length; ++i) {
    const utf8proc_int32_t point = parts[i];
    const auto of = mark_class(point);
    if (of == 0) continue;
    utf8proc_ssize_t to = i;
    for (; to > 0 && mark_class(parts[to - 1]) > of; --to) parts[to] = parts[to - 1];
    parts[to] = point;
  }
  length = utf8proc_reencode(parts, length, options);
  out.assign(reinterpret_cast<const char*>(parts), static_cast<std::size_t>(length));
}

const char* normalize(std::string_view text, std::string& out) {
  if (is_ascii(text)) {
    out.assign(text);
    return nullptr;
  }
  CodePoints& points = scratch();
  if (const char* refusal = read_points(text, points)) return refusal;
  // Marks and what composes start at U+0300: most of what Europe writes is as it should be.
  if (std::ranges::max(points) < 0x300) {
    out.assign(text);
  } else {
    write_nfc(points, out);
  }
  return nullptr;
}

bool is_hex_id(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const char small = lower(c);
    return (c >= '0' && c <= '9') || (small >= 'a' && small <= 'f') || c == '-' || c == ':' || c == '.';
  });
}

void lower_domain(std::string& email, std::size_t at_sign) {
  const std::string_view domain = std::string_view(email).substr(at_sign + 1);
  if (is_ascii(domain)) {
    std::transform(email.begin() + static_cast<std::ptrdiff_t>(at_sign), email.end(),
                   email.begin() + static_cast<std::ptrdiff_t>(at_sign), lower);
    return;
  }
  CodePoints& points = scratch();
  read_points(email, points);
  const auto domain_start = std::ranges::find(points, utf8proc_int32_t{'@'});
  std::transform(domain_start, points.end(), domain_start, utf8proc_tolower);
  write_nfc(points, email);  // a small letter may compose with a mark where the capital did not
}

const char* check_email(std::string& email) {
  const std::size_t at_sign = email.find('@');
  const bool spaced =
      std::ranges::any_of(email, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
  if (at_sign == std::string::npos || at_sign == 0 || at_sign + 1 == email.size() || spaced ||
      email.find('@', at_sign + 1) != std::string::npos) {
    return "invalid_email";
  }
  lower_domain(email, at_sign);
  return nullptr;
}

const char* canonicalize_trimmed(Form form, std::string_view value, std::string& out) {
  if (form == Form::ip) {
    IpBytes bytes;
    if (!parse_ip(value, bytes)) return "invalid_ip";
    out.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return nullptr;
  }
  if (const char* refusal = normalize(value, out)) return refusal;
  if (form == Form::email) return check_email(out);
  if (form == Form::device && is_hex_id(out)) std::ranges::transform(out, out.begin(), lower);
  return nullptr;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_utf8(std::string_view text) {
  if (is_ascii(text)) return true;
  while (!text.empty()) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t taken = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                                    static_cast<utf8proc_ssize_t>(text.size()), &point);
    if (taken <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(taken));
  }
  return true;
}

std::optional<Form> parse_form(std::string_view name) {
  const auto found = std::ranges::find(form_names, name);
  if (found == form_names.end()) return std::nullopt;
  return static_cast<Form>(found - form_names.begin());
}

std::string_view to_string(Form form) { return form_names[static_cast<std::size_t>(form)]; }

Form form_of_domain(std::string_view domain) { return parse_form(domain).value_or(Form::text); }

const char* canonicalize(Form form, std::string_view value, std::string& out) {
  const char* refusal = canonicalize_trimmed(form, trimmed(value), out);
  if (refusal != nullptr) out.clear();
  return refusal;
}

bool readable(Form form, std::string_view canonical_bytes, std::string& out) {
  out.clear();
  if (form != Form::ip) {
    out.assign(canonical_bytes);
    return true;
  }
  IpBytes bytes;
  if (canonical_bytes.size() != bytes.size()) return false;
  std::ranges::copy(canonical_bytes, bytes.begin());
  append_ip(bytes, out);
  return true;
}

}  // namespace sluice::mask
