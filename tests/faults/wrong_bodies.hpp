// Bodies of login events that no producer should send: each is a reject. One list for the tests of their verdict and
// for the search of what they leave behind.
#pragma once

#include <string>
#include <vector>

namespace sluice::faults {

// What stands in the personal fields.
struct Person {
  std::string user = "u-1";
  std::string ip = "242.1.2.3";
  std::string device = "901-37-9999";
  std::string word = "canary-";  // begins whatever is no such value
};

// A good body but for `field`, whose value is the JSON text `value`.
std::string login_with(const Person& person, const std::string& field, const std::string& value);

std::vector<std::string> wrong_bodies(const Person& person);

// Valid, with 1 MiB that no column wants.
std::string big_body(const Person& person);

}  // namespace sluice::faults
