// One moment of a PostgreSQL database, for several queries.
//
// A TRUNCATE or a rewriting ALTER TABLE that commits after a snapshot was taken makes that snapshot read no rows, and
// no error: so the tables are locked ACCESS SHARE first. Which they are, the server says: it plans the queries in a
// transaction of its own, and the locks it took for that are read back.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sluice/core/snapshot.hpp"
#include "sluice/postgres/connection.hpp"

namespace sluice::postgres {

// How a snapshot comes by connections for further readers.
struct FurtherReaders {
  std::function<Result<Connection>()> connect;
  std::size_t most = 1;  // where a query does not say how many
};

// Takes the connection for its own: the transaction ends with the snapshot.
Result<std::unique_ptr<Snapshot>> open_table_snapshot(Connection connection, std::vector<ReadQuery> queries,
                                                      FurtherReaders further);

}  // namespace sluice::postgres
