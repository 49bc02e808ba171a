// Rows to the bytes of COPY, one encoder a column, chosen once from the catalogue.
//
// Binary, unless the table has a column whose type is only known to the server (inet, interval, arrays, ...):
// then the whole table goes as text, which every type reads. Values are checked against the column's type,
// length, precision and NOT NULL before they are sent; nothing is rounded, cut or replaced.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/batch.hpp"
#include "sluice/core/result.hpp"
#include "sluice/postgres/catalogue.hpp"

namespace sluice::postgres {

// How a value goes over the wire.
enum class Wire : std::uint8_t {
  boolean, int2, int4, int8, float4, float8, numeric, text, bytea, date, timestamp, uuid, uuid_from_text, jsonb, label,
  any,  // as text: the server makes of it what the column wants
};

struct ColumnEncoder {
  std::string name;
  std::size_t vector = 0;  // of the batch
  Type type;               // of the value
  Wire wire = Wire::any;
  bool not_null = false;
  int length_max = -1;     // characters; -1: any
  int precision = -1;      // numeric; -1: any
  int scale = 0;
  std::vector<std::string> labels;  // of an enum
};

// Why a row was refused: a reason code and the column, or nothing.
struct RowRefusal {
  const char* reason = nullptr;
  const ColumnEncoder* column = nullptr;
  explicit operator bool() const { return reason != nullptr; }
};

class RowEncoder {
 public:
  // Errors (conflict) name every column that is extra, missing (NOT NULL and without a default), generated, or of a
  // type that ours does not go into.
  static Result<RowEncoder> plan(const Schema& columns, const TableShape& table);

  bool binary() const { return binary_; }
  // "COPY table (columns) FROM STDIN (FORMAT ...)".
  const std::string& copy_sql() const { return copy_sql_; }

  // Begins and ends the stream of one COPY.
  void header(std::string& out) const;
  void trailer(std::string& out) const;
  // Appends a row; after a refusal `out` may hold a part of it, which the caller takes off.
  RowRefusal encode(const Batch& batch, std::size_t row, std::string& out) const;

 private:
  RowRefusal encode_binary(const Batch& batch, std::size_t row, std::string& out) const;
  RowRefusal encode_text(const Batch& batch, std::size_t row, std::string& out) const;

  std::vector<ColumnEncoder> columns_;
  bool binary_ = true;
  std::string copy_sql_;
};

// A sentence for the reason of a RowRefusal.
std::string_view explain(std::string_view reason);

}  // namespace sluice::postgres
