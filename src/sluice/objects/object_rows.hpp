// The rows of objects, part by part: fetched, unpacked and cut in bounded memory.
//
// A row is a Message: its body is the row's text, `line` where it begins, its key made of the object's version and
// that line, and its attributes say which object it is from and what its header was.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sluice/core/delivery.hpp"
#include "sluice/core/object_store.hpp"
#include "sluice/objects/format.hpp"

namespace sluice::objects {

struct RowsOptions {
  Dialect dialect;
  // Of a CSV: what it must be for the rows to be read; an error (conflict) without the object's name.
  std::function<Result<void>(std::string_view header)> check_header{};
  // Of a format that is no lines of text: how its rows are read.
  std::function<std::shared_ptr<Parts>(ObjectStore& store, std::vector<ObjectFacts> objects)> open{};
  bool one_column = false;  // where no header says so: an empty line is a row then
  bool warn_of_no_rows = true;
  std::size_t part_bytes = std::size_t{4} << 20U;
  std::size_t row_bytes_max = std::size_t{1} << 20U;    // of a longer row only so much is handed over, and one more
  std::size_t row_bytes_end = std::size_t{128} << 20U;  // a row that is longer ends the load
};

// `store` outlives the parts.
std::shared_ptr<Parts> open_parts(ObjectStore& store, std::vector<ObjectFacts> objects, RowsOptions options);

ObjectProof proof_of(const ObjectStore& store, const ObjectFacts& object);
// Of the row that begins at this line, or has this number.
Key row_key(const ObjectProof& object, std::uint64_t line);

// What a row's attributes say.
struct RowOrigin {
  std::string object;
  std::string header;
  std::string unit = "line";  // what Message::line counts
};
std::string pack_origin(const RowOrigin& origin, const std::string& version);
// Empty strings where `attributes` are not those of a row.
RowOrigin unpack_origin(std::string_view attributes);

}  // namespace sluice::objects
