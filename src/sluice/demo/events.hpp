// Login events for the demo, made from a seed: no real data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::demo {

// `count` message bodies, always the same for one seed. Some share an address or a device, about a third have no
// locale, and one of them is malformed.
std::vector<std::string> login_events(std::size_t count, std::uint32_t seed);

}  // namespace sluice::demo
