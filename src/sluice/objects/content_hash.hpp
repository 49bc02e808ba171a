// SHA-256 of an object's bytes: what a manifest says of it, and what files of a manifest are named by.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace sluice::objects {

class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  ContentHash(const ContentHash&) = delete;
  ContentHash& operator=(const ContentHash&) = delete;

  void add(std::string_view bytes);
  // 64 hex digits. Nothing is added afterwards.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

// Whether a file may be one of a manifest: its name is a hash, then `.` or `-`.
bool is_named_by_content(std::string_view name);

}  // namespace sluice::objects
