// For vectors_test.cpp: the published vectors of formats, and what their files have in common.
#pragma once

#include <string>

#include "sluice/mask/fixture.hpp"

namespace sluice::mask {

using Json = nlohmann::json;

inline std::string hex_of(const Json& text) { return from_hex(text.get_ref<const std::string&>()); }

// Calls check(group, test, valid) for each test of a Wycheproof file; gives how many.
template <class Check>
int each_wycheproof(const Json& file, Check check) {
  int count = 0;
  for (const Json& group : file["testGroups"]) {
    for (const Json& test : group["tests"]) {
      SCOPED_TRACE(test["tcId"].dump());
      check(group, test, test["result"] == "valid");
      ++count;
    }
  }
  return count;
}

// Each gives how many cases it ran.
int nist_ff1(const Json& file);
int wycheproof_ff1(const Json& file);
int ipcrypt(const Json& file);
int cryptopan(const Json& file);
int fernet_generate(const Json& file);
int fernet_verify(const Json& file);
int fernet_invalid(const Json& file);

}  // namespace sluice::mask
