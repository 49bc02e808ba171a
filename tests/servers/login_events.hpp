// Login events made from a seed: the same seed gives the same bodies, on any machine.
//
// One in eight shares its ip and one in eight its device with others; three in ten have no locale.
#pragma once

#include <cstdint>
#include <string>

namespace sluice::servers {

class LoginEvents {
 public:
  // `malformed` of the `count` bodies, spread evenly, have another shape.
  LoginEvents(std::uint64_t count, std::uint64_t malformed, std::uint64_t seed);

  // The body of event `index`, one JSON object without a line end.
  const std::string& body(std::uint64_t index);

 private:
  std::uint64_t random();

  std::uint64_t count_;
  std::uint64_t malformed_;
  std::uint64_t seed_;
  std::uint64_t state_ = 0;
  std::string body_;
};

}  // namespace sluice::servers
