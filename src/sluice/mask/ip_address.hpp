// An IP address as 16 bytes, from text and back. An IPv4 address is its IPv4-mapped IPv6 one, ::ffff:a.b.c.d.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::mask {

using IpBytes = std::array<std::uint8_t, 16>;

// Four decimal numbers of one to three digits (leading zeros mean nothing: 010 is ten), or IPv6 in any of the
// forms of RFC 4291, 2.2. No zone, prefix length, port, bracket or space.
bool parse_ip(std::string_view text, IpBytes& bytes);

bool is_ipv4(const IpBytes& bytes);

// Appends: dotted IPv4 where it is one, else IPv6 as RFC 5952 writes it, without dots.
void append_ip(const IpBytes& bytes, std::string& out);

}  // namespace sluice::mask
