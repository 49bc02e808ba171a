// Where tagged columns go: which of them reach an output column of a SELECT, by which path, and whether a mask or
// a reveal() stands on it.
//
// Read from DuckDB's bound, unoptimised plan, never from text. What cannot be proved clean counts as tagged: an
// operator, a table function or a column that the walk does not know passes on everything. A path names columns,
// functions, mask domains and the reasons of reveals; other literals of the SQL are shown as dots.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/record.hpp"
#include "sluice/core/result.hpp"
#include "sluice/core/type.hpp"

namespace sluice::engine {

// What a SELECT reads from: `input`, or a table.
struct RelationColumn {
  std::string name;
  Type type;
  std::string pii;  // ip, device, email, text, or another word for "personal, of no known form"; empty: not tagged
};
struct Relation {
  std::string name;
  std::vector<RelationColumn> columns;
  std::string schema{};  // empty: none
};

// What stands between a column and the place it reaches.
enum class Passage {
  clear,       // nothing
  masked,      // a mask
  wrong_form,  // a mask, but under a domain of another form than the tag's: equal values would get unequal tokens
  revealed,    // reveal(), on purpose
};

struct PersonalPath {
  std::string source;      // "ip" of `input`, "users.ip" of another relation; or what cannot be followed
  std::string pii;         // of the source; empty: not tagged (told only where it is masked)
  std::string column;      // of the output
  std::size_t number = 0;  // of that column
  Passage passage = Passage::clear;
  std::string by;    // "mask_siv, domain ip", or the reason of the reveal
  std::string path;  // "ip -> coalesce(ip, '...') as a -> concat(a, device_type) as masked_ip"
};

// A tagged column that decides which rows come out, in what order or in which group.
struct ImplicitFlow {
  std::string source;
  std::string pii;
  std::string clause;  // "where", "join", "order by", "filter", "group by", "partition by", "count", ...
};

struct Lineage {
  std::vector<std::string> columns;  // of the output
  std::vector<PersonalPath> paths;   // in the order of the output's columns
  std::vector<ImplicitFlow> implicit;
};

Relation input_relation(const Record& record);
// Without a SELECT: every column reaches the column of its name.
Lineage as_it_is(const Relation& relation);

// Whether the far end may hold personal data in clear (`personal_data: allowed` at a connection).
enum class PersonalData { refused, allowed };

// The one check of all sinks: an error (config) that names the columns that arrive without a mask, with their paths.
// `where` begins it: the place of the SELECT, or of the flow that has none.
Result<void> check_personal(const Lineage& lineage, std::string_view where,
                            PersonalData far_end = PersonalData::refused);
// An error (config) where a column of `key` is masked by what gives another token each time: no row would ever be found
// again.
Result<void> check_key(const Lineage& lineage, const std::vector<std::string>& key, std::string_view where);
// One sentence each.
std::vector<std::string> warnings_of(const Lineage& lineage);
// By output column, for a person: "mask_siv, domain ip", several with " and " between; or "".
std::vector<std::string> masks_of(const Lineage& lineage);
// By output column: whether a tagged column arrives there as it is, neither masked nor revealed.
std::vector<bool> in_clear(const Lineage& lineage);

}  // namespace sluice::engine
