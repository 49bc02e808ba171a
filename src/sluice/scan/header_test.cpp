#include "sluice/scan/header.hpp"

#include <gtest/gtest.h>

namespace sluice::scan {
namespace {

using Row = std::vector<std::string>;

bool looks(const Row& line, const std::vector<Row>& rows, const Row& trusted = {}) {
  return holds_values(line, rows, trusted);
}

TEST(Header, names_of_columns_are_names) {
  EXPECT_FALSE(looks({"id", "mail", "card"}, {{"1", "ann@example.com", "4111111111111111"}}));
  EXPECT_FALSE(looks({"Id", "First Name", "City"}, {{"1", "Ann", "Tallinn"}, {"2", "Bob", "Tartu"}}));
  EXPECT_FALSE(looks({"Name", "City"}, {{"Ann", "Tallinn"}, {"Bob", "Tartu"}}));
  EXPECT_FALSE(looks({"order 17", "sha256", "address1"}, {{"x", std::string(64, '0'), "Elm Street 5"}}));
  EXPECT_FALSE(looks({"user_id", "status"}, {{"u1", "active"}}));
  EXPECT_FALSE(looks({"id", "ä"}, {}));
}

TEST(Header, a_value_by_itself_is_none) {
  for (const char* value : {"+37255551234",
                            "1985-03-04",
                            "(212) 555-0187",
                            "59.437, 24.7536",
                            "490154203237518",
                            "ann@example.com ",
                            " ",
                            "",
                            "-",
                            "-5",
                            "tel 5550187",
                            "00:1b:63:84:45:e6",
                            "aa:bb:cc:dd:ee:ff",
                            "POINT(24.753 59.437)",
                            "2001:db8::7",
                            "fe80::1",
                            "no. 1234",
                            "8c1c5b3e-95a5-4f7e-9f0b-7d3f6a1c2b4d",
                            "EE382200221020145685",
                            " 17",
                            "___"}) {
    EXPECT_TRUE(looks({"id", value}, {})) << value;
  }
}

TEST(Header, a_cell_like_the_values_below_it_is_none) {
  EXPECT_TRUE(looks({"id", "Elm Street 5"}, {{"1", "Oak Street 7"}, {"2", "Main Road 9"}}));
  EXPECT_TRUE(looks({"id", "A1B2C3"}, {{"1", "D4E5F6"}, {"2", "B7B8C9"}}));
  EXPECT_TRUE(looks({"id", "active"}, {{"1", "closed"}, {"2", "active"}}));
}

TEST(Header, words_over_nothing_but_words_are_none) {
  EXPECT_TRUE(looks({"Liis", "Tamm"}, {{"Ann", "Smith"}, {"Bob", "Jones"}}));
  EXPECT_TRUE(looks({"Liis Tamm", "Elm Street"}, {{"Ann Smith", "Oak Street"}}));
  EXPECT_TRUE(looks({"liis", "tallinn"}, {{"ann", "tartu"}})) << "small letters prove nothing";
  EXPECT_TRUE(looks({"annc", "hunter2"}, {{"bobc", "xyz1"}}));
}

TEST(Header, names_that_are_known_are_not_doubted) {
  EXPECT_FALSE(looks({"sales_2024", "2025"}, {{"1", "2"}}, {"sales_2024", "2025"}));
  EXPECT_FALSE(looks({"sales_2024", "City"}, {{"Ann", "Tallinn"}}, {"sales_2024"}));
  EXPECT_TRUE(looks({"sales_2024", "2025"}, {{"1", "2"}}, {"sales_2024"}));
}

}  // namespace
}  // namespace sluice::scan
