// What people read, and rejects that are tried again; whole commands are told in tests/scenarios.
#include <gtest/gtest.h>

#include "sluice/assembly/cells.hpp"
#include "sluice/assembly/json_keys.hpp"
#include "sluice/assembly/reject_source.hpp"
#include "sluice/assembly/table.hpp"

namespace sluice::assembly {
namespace {

TEST(Table, is_as_wide_as_its_widest_cell_and_counts_characters) {
  Table table({"name", "n"});
  table.align_right({1});
  table.add({"Müller", "7"});
  table.add({"x", "1,000"});
  EXPECT_EQ(table.text(), "  name        n\n  ------  -----\n  Müller      7\n  x       1,000\n");
}

TEST(Table, numbers_have_thousands_and_text_from_outside_cannot_draw) {
  EXPECT_EQ(thousands(0), "0");
  EXPECT_EQ(thousands(999), "999");
  EXPECT_EQ(thousands(1234567), "1,234,567");
  EXPECT_EQ(printable("a\x1b[2Jb\n", 60), "a?[2Jb?");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

TEST(Cells, of_each_kind_read_as_people_write_them) {
  const Int128 lowest = -(static_cast<Int128>(1) << 126) * 2;
  const auto cell = [](Type type, const auto& value) {
    Batch batch;
    batch.schema = std::make_shared<Schema>(Schema{{"c", type}});
    batch.vectors.push_back({&value, nullptr});
    batch.rows = 1;
    return cell_text(batch, 0, 0).value_or("NULL");
  };
  EXPECT_EQ(cell({Kind::decimal, 10, 2}, Int128{-5}), "-0.05");
  EXPECT_EQ(cell({Kind::decimal, 38, 0}, lowest), "-170141183460469231731687303715884105728");
  EXPECT_EQ(cell({Kind::date}, std::int32_t{19000}), "2022-01-08");
  EXPECT_EQ(cell({Kind::timestamp}, std::int64_t{-1}), "1969-12-31 23:59:59.999999");
  EXPECT_EQ(cell({Kind::boolean}, std::uint8_t{1}), "true");
  EXPECT_EQ(cell({Kind::bytes}, Text(std::string_view("\x00\xff", 2))), "00ff");
}

TEST(RejectSource, hands_over_each_reject_once_and_again_only_after_a_release) {
  std::vector<StoredReject> stored(3);
  for (std::size_t i = 0; i < stored.size(); ++i) stored[i].envelope.body = "body " + std::to_string(i);
  RejectSource source(std::move(stored));
  Wanted wanted;
  wanted.rows_max = 2;
  const auto first = source.next(wanted);
  ASSERT_TRUE(first && first->delivery);
  EXPECT_EQ(first->delivery->messages.size(), 2U);
  EXPECT_EQ(first->delivery->proof, Proof::reject_ids);
  EXPECT_EQ(first->delivery->messages[1].body, "body 1");
  ASSERT_TRUE(source.release(first->delivery->receipt));
  std::size_t seen = 0;
  for (auto next = source.next(wanted); next && !next->ended; next = source.next(wanted)) {
    seen += next->delivery->messages.size();
    ASSERT_TRUE(source.settle(next->delivery->receipt));
  }
  EXPECT_EQ(seen, 3U);
}

void add_all(JsonKeys& keys, const JsonKeys::Path& path, const nlohmann::json& value) {
  if (!value.is_object()) return;
  keys.add(path, value);
  for (const auto& [key, item] : value.items()) {
    JsonKeys::Path below = path;
    below.push_back(key);
    add_all(keys, below, item);
  }
}

// The path with * for what is not told, when `rows` were sampled.
JsonKeys::Path told(const std::vector<std::string>& rows, const JsonKeys::Path& path) {
  JsonKeys keys;
  for (const std::string& row : rows) {
    nlohmann::json value = nlohmann::json::parse(row);
    JsonKeys::Path at;
    for (const std::string& key : path) {
      keys.add(at, value);
      if (!value.contains(key)) break;
      at.push_back(key);
      value = nlohmann::json(value[key]);
      if (!value.is_object()) break;
    }
  }
  JsonKeys::Path shown;
  JsonKeys::Path upto;
  for (const std::string& key : path) {
    upto.push_back(key);
    shown.push_back(keys.is_name(upto) ? key : "*");
  }
  return shown;
}

TEST(JsonKeys, are_kept_for_so_many_objects_and_not_told_beyond) {
  JsonKeys keys;
  for (int i = 0; i < 5000; ++i) keys.add({"users", "u" + std::to_string(i)}, nlohmann::json{{"mail", "x"}});
  EXPECT_TRUE(keys.is_name({"users", "u1", "mail"}));
  EXPECT_FALSE(keys.is_name({"users", "u4999", "nick"}));
}

TEST(JsonKeys, are_told_where_they_are_names_of_fields) {
  using Path = JsonKeys::Path;
  const auto shown = [](const std::string& row, const Path& path) { return told({row}, path); };
  EXPECT_EQ(shown(R"({"address": {"street": "x", "zip_code": "y"}})", {"address", "street"}),
            (Path{"address", "street"}));
  EXPECT_EQ(shown(R"({"friends": {"Ann Smith": {"email": "x"}}})", {"friends", "Ann Smith", "email"}),
            (Path{"friends", "*", "email"}));
  EXPECT_EQ(shown(R"({"friends": {"ann": {"email": "x"}, "bob": {"email": "y"}}})", {"friends", "ann", "email"}),
            (Path{"friends", "*", "email"}));
  EXPECT_EQ(shown(R"({"scores": {"ann": 5}})", {"scores", "ann"}), (Path{"scores", "*"}));
  EXPECT_EQ(shown(R"({"order": {"amount": 5}})", {"order", "amount"}), (Path{"order", "amount"}));
  // Keys that no two rows share.
  EXPECT_EQ(told({R"({"nick": {"ann": "x"}})", R"({"nick": {"bob": "x"}})", R"({"nick": {"cy": "x"}})",
                  R"({"nick": {"dan": "x"}})"},
                 {"nick", "ann"}),
            (Path{"nick", "*"}));
}

// Sixty rows; `row` makes the one of that number.
template <class Row>
JsonKeys sampled(Row row) {
  JsonKeys keys;
  for (int i = 0; i < 60; ++i) add_all(keys, {}, row(i));
  return keys;
}

std::string letters(int i) { return {static_cast<char>('a' + i / 10), static_cast<char>('k' + i % 10)}; }

TEST(JsonKeys, of_a_map_are_not_told_where_a_field_stands_beside_them) {
  const JsonKeys nested = sampled([](int i) {
    return nlohmann::json{{"id", i}, {"m", {{"total", 3}, {"zaq" + letters(i), {{"tel", "x"}, {"zaw", "y"}}}}}};
  });
  EXPECT_TRUE(nested.is_name({"m", "total"}));
  EXPECT_FALSE(nested.is_name({"m", "zaqak"}));
  EXPECT_TRUE(nested.is_name({"m", "zaqak", "tel"}));
  EXPECT_TRUE(nested.is_name({"m", "zaqak", "zaw"}));
  const JsonKeys top = sampled([](int i) { return nlohmann::json{{"id", i}, {"zaq" + letters(i), "x"}}; });
  EXPECT_TRUE(top.is_name({"id"}));
  EXPECT_FALSE(top.is_name({"zaqak"}));
  // A few people, each of whom comes again and again.
  const JsonKeys team = sampled([](int i) { return nlohmann::json{{"id", i}, {"zaq" + letters(i % 5), "x"}}; });
  EXPECT_FALSE(team.is_name({"zaqak"}));
}

TEST(JsonKeys, below_keys_that_are_not_told_are_judged_together) {
  const JsonKeys keys = sampled([](int i) {
    return nlohmann::json{{"id", i}, {"m", {{"zaq" + letters(i), {{"zaw" + letters(i), "x"}, {"zae", "y"}}}}}};
  });
  EXPECT_FALSE(keys.is_name({"m", "zaqak", "zawak"}));
  EXPECT_TRUE(keys.is_name({"m", "zaqak", "zae"}));
}

TEST(JsonKeys, that_come_seldom_are_told_where_there_are_few_of_them) {
  const auto with = [](int many) {
    return sampled([many](int i) {
      nlohmann::json row{{"id", i}, {"zaq", 1}, {"zaw", 2}, {"zae", 3}};
      if (i % 20 < many) row["opt" + letters(i % 20)] = "x";
      if (i == 7) row["zonce"] = "x";
      if (i < 3) row["middle_name"] = "x";
      return row;
    });
  };
  EXPECT_TRUE(with(1).is_name({"optak"}));
  EXPECT_FALSE(with(1).is_name({"zonce"}));
  EXPECT_FALSE(with(4).is_name({"optak"}));
  EXPECT_TRUE(with(4).is_name({"middle_name"}));  // a word that names of columns have
  JsonKeys declared = with(4);
  declared.trust({"optak"});
  EXPECT_TRUE(declared.is_name({"optak"}));
}

}  // namespace
}  // namespace sluice::assembly
