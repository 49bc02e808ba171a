#include "sluice/models/assignment.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::models {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(assignment, takes_what_loses_nothing_or_fails_aloud) {
  const Pairs pairs{{"integer", "integer"},
                    {"mart.mood", "mart.mood"},
                    {"integer", "bigint"},
                    {"bigint", "integer"},
                    {"HUGEINT", "BIGINT"},
                    {"bigint", "numeric"},
                    {"integer", "numeric(10,2)"},
                    {"numeric(10,2)", "numeric"},
                    {"numeric(10,2)", "numeric(8,3)"},
                    {"DECIMAL(2,1)", "DECIMAL(10,2)"},
                    {"DECIMAL(2,1)", "DOUBLE"},
                    {"integer", "double precision"},
                    {"smallint", "real"},
                    {"real", "double precision"},
                    {"text", "character varying(3)"},
                    {"character(2)", "text"},
                    {"bpchar", "character(3)"},
                    {"bpchar", "text"},
                    {"character(3)", "bpchar"},
                    {"name", "text"},
                    {"date", "timestamp without time zone"},
                    {"timestamp(3) without time zone", "timestamp"},
                    {"timestamp with time zone", "timestamptz"},
                    {"TIMESTAMP_MS", "TIMESTAMP"},
                    {"json", "jsonb"},
                    {"jsonb", "text"},
                    {"VARCHAR", "JSON"}};
  for (const auto& [from, to] : pairs) EXPECT_TRUE(assignable(from, to)) << from << " into " << to;
}

TEST(assignment, refuses_what_is_rounded_cut_or_shifted) {
  const Pairs pairs{{"numeric", "integer"},
                    {"numeric(10,0)", "bigint"},
                    {"numeric", "numeric(10,2)"},
                    {"numeric(10,3)", "numeric(10,2)"},
                    {"integer", "numeric(5,-2)"},
                    {"numeric", "double precision"},
                    {"DECIMAL(18,2)", "DOUBLE"},
                    {"bigint", "double precision"},
                    {"integer", "real"},
                    {"double precision", "real"},
                    {"double precision", "bigint"},
                    {"double precision", "numeric"},
                    {"integer", "text"},
                    {"integer", "boolean"},
                    {"boolean", "integer"},
                    {"date", "text"},
                    {"text", "name"},
                    {"text", "date"},
                    {"text", "jsonb"},
                    {"timestamp without time zone", "date"},
                    {"timestamp with time zone", "date"},
                    {"date", "timestamp with time zone"},
                    {"timestamp without time zone", "timestamp with time zone"},
                    {"timestamp without time zone", "timestamp(3) without time zone"},
                    {"TIMESTAMP_NS", "TIMESTAMP"},
                    {"text[]", "character varying[]"},
                    {"mart.mood", "text"}};
  for (const auto& [from, to] : pairs) EXPECT_FALSE(assignable(from, to)) << from << " into " << to;
}

}  // namespace
}  // namespace sluice::models
