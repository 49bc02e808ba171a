// Three tables with tagged columns, and what the walk over a query says of them: for the tests of lineage.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/engine/lineage.hpp"
#include "sluice/engine/select.hpp"
#include "sluice/mask/keyring.hpp"

namespace sluice::engine {

inline const std::vector<Relation>& relations() {
  static const std::vector<Relation> all{
      {"people",
       {{"id", {Kind::int32}, ""},
        {"name", {Kind::text}, ""},
        {"ip", {Kind::text}, "ip"},
        {"mail", {Kind::text}, "email"},
        {"born", {Kind::date}, "birth date"},
        {"doc", {Kind::json}, "text"}}},
      {"visits", {{"id", {Kind::int32}, ""}, {"ip", {Kind::text}, "ip"}, {"page", {Kind::text}, ""}}},
      {"pages", {{"id", {Kind::int32}, ""}, {"page", {Kind::text}, ""}, {"price", {Kind::decimal, 10, 2}, ""}}},
  };
  return all;
}

// "a <- people.ip" in clear, "a <- masked people.ip", "a <- revealed people.ip", "a <- other form people.ip"; then
// "? where people.ip" for what a tagged column decides. Paths of columns without a tag are left out.
inline std::string summary(const Lineage& lineage) {
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  for (const PersonalPath& path : lineage.paths) {
    if (path.pii.empty()) continue;
    const char* passage = path.passage == Passage::masked       ? "masked "
                          : path.passage == Passage::revealed   ? "revealed "
                          : path.passage == Passage::wrong_form ? "other form "
                                                                : "";
    add(path.column + " <- " + passage + path.source);
  }
  for (const ImplicitFlow& flow : lineage.implicit) add("? " + flow.clause + " " + flow.source);
  return text;
}

class LineageTest : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = mask::Keyring::from_json(
        R"({"sluice_keyring": 1, "keys": [{"id": "k1", "status": "primary", "created": "2026-01-31T12:00:00Z",
            "secret": "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}]})",
        "keys");
    ASSERT_TRUE(loaded) << loaded.error().text();
    keyring.emplace(std::move(*loaded));
    auto opened = Engine::open({.keyring = &*keyring});
    ASSERT_TRUE(opened) << opened.error().text();
    engine = std::move(*opened);
  }

  Result<Lineage> trace(const std::string& sql) { return engine->trace({sql, {"m.sql", 1, 1}, relations()}); }
  std::string told(const std::string& sql) {
    const auto lineage = trace(sql);
    return lineage ? summary(*lineage) : "error: " + lineage.error().text();
  }
  std::string refusal(const std::string& sql, PersonalData far_end = PersonalData::refused) {
    const auto lineage = trace(sql);
    EXPECT_TRUE(lineage) << lineage.error().text();
    const auto checked = check_personal(*lineage, "m.sql:1:1: select", far_end);
    return checked ? "" : checked.error().text();
  }

  std::optional<mask::Keyring> keyring;
  std::unique_ptr<Engine> engine;
};

}  // namespace sluice::engine
