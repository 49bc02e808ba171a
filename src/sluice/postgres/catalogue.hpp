// What the server knows about one table: its columns, what they take, and who may write to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/core/database.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// Object ids of pg_type.dat; the same on every server.
enum TypeId : std::uint32_t {
  bool_type = 16,
  bytea_type = 17,
  int8_type = 20,
  int2_type = 21,
  int4_type = 23,
  text_type = 25,
  json_type = 114,
  cidr_type = 650,
  float4_type = 700,
  float8_type = 701,
  inet_type = 869,
  bpchar_type = 1042,
  varchar_type = 1043,
  date_type = 1082,
  timestamp_type = 1114,
  timestamptz_type = 1184,
  numeric_type = 1700,
  uuid_type = 2950,
  jsonb_type = 3802,
};

struct Column {
  std::string name;
  std::string type_name;     // as the server prints it: "character varying(32)"
  std::uint32_t type = 0;    // of a domain: what it is made of, all the way down
  std::int32_t typmod = -1;  // length, or precision and scale; -1: none
  bool not_null = false;     // by the column or by its domain
  bool has_default = false;  // also identity columns
  bool is_generated = false;
  bool is_enum = false;
  std::vector<std::string> labels{};  // of an enum
  std::string domain_of{};            // of a domain: what it is made of, as the server prints it
};

struct Table {
  std::uint32_t id = 0;
  TableName name;   // with its schema
  char kind = 'r';  // relkind: r table, p partitioned, f foreign, v view, ...
  bool may_insert = false;
  bool may_read = false;
  bool unlogged = false;       // emptied by a crash of the server
  bool row_security = false;   // applies to this role: COPY is refused
  std::uint32_t triggers = 0;  // of users
  std::vector<Column> columns;
};

// Empty if there is no such table (or view). A name without schema is looked for as the server does.
Result<std::optional<Table>> describe(Connection& connection, const TableName& name);

// Whether two values of a type, as the server prints it, are equal by `=` where they are the same in writing, and only
// there. json, xml and point have no `=`; that of box counts areas, that of citext no capitals, that of interval takes
// a month for 30 days. Types that are not known here are none.
bool compares(const std::string& type);

}  // namespace sluice::postgres
