// One of several readers of a table: a connection that sees the moment of another one's transaction.
#pragma once

#include <memory>
#include <string>

#include "sluice/postgres/copy_reader.hpp"
#include "sluice/postgres/parts.hpp"

namespace sluice::postgres {

// Values as text are the same whatever the server's settings are, and rows come in the order in which they lie: a scan
// does not join another one in the middle of the table.
inline constexpr const char* read_settings_sql =
    "set local standard_conforming_strings = on; set local datestyle = 'ISO, YMD'; set local intervalstyle = "
    "'postgres'; set local timezone = 'UTC'; set local extra_float_digits = 3; set local bytea_output = 'hex'; "
    "set local idle_in_transaction_session_timeout = 0; set local synchronize_seqscans = off";

// Takes the connection for its own; plan and parts outlive it. `snapshot` is the name that the other transaction has
// exported its moment by; that one holds locks on the tables. Null: somebody waits to empty or alter one of them, so
// that this reader would wait for him, and he for the other transaction. An error: it does not see that moment.
Result<std::unique_ptr<PartReader>> open_part_reader(Connection connection, const ReadPlan& plan,
                                                     const ReadParts& parts, const std::string& snapshot);

}  // namespace sluice::postgres
