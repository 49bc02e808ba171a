#include "sluice/postgres/part_reader.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include "sluice/postgres/sql.hpp"

namespace sluice::postgres {
namespace {

class TablePartReader final : public PartReader {
 public:
  TablePartReader(Connection connection, const ReadPlan& plan, const ReadParts& parts)
      : connection_(std::move(connection)),
        socket_(dup(connection_.socket())),
        plan_(plan),
        parts_(parts),
        pool_(std::make_shared<BuilderPool>(plan.columns)) {}
  ~TablePartReader() override {
    if (socket_ >= 0) close(socket_);
  }
  TablePartReader(const TablePartReader&) = delete;
  TablePartReader& operator=(const TablePartReader&) = delete;

  // False: a lock would have to be waited for.
  Result<bool> begin(const std::string& snapshot) {
    SLUICE_CHECK(must(connection_.run(std::string("begin isolation level repeatable read, read only;") +
                                      read_settings_sql + "; set local max_parallel_workers_per_gather = 0"),
                      "begin to read"));
    std::string lock;
    for (const TableName& table : parts_.tables) lock += (lock.empty() ? "lock table " : ", ") + quoted(table);
    Reply locked = connection_.run(lock + " in access share mode nowait");
    if (!locked && locked.error().is("55P03")) return false;
    SLUICE_CHECK(must(std::move(locked), "lock the tables of the query"));
    // After the lock: the other transaction is still there if this works, and so nobody has emptied the tables between
    // its lock and ours.
    Reply taken = connection_.run("set transaction snapshot " + literal(snapshot));
    if (!taken) {
      return fail(connection_.error(taken.error(), plan_.place.text() + ": share the moment with a further connection")
                      .advise("several readers need a direct connection to one server, not to a pooler or to several "
                              "servers; `readers: 1` does with one connection"));
    }
    return true;
  }

  Result<std::unique_ptr<RowReader>> open(std::size_t part) override {
    return open_copy_reader(connection_, plan_, parts_.sql(part), pool_);
  }
  // By a descriptor of its own, since the other one may be closed and given to somebody else meanwhile. The server is
  // told by a reset: one that waits to send more would notice a mere end only when it tries again, minutes later, and
  // hold its locks for as long.
  void interrupt() override {
    const linger reset{1, 0};
    static_cast<void>(setsockopt(socket_, SOL_SOCKET, SO_LINGER, &reset, sizeof reset));
    static_cast<void>(shutdown(socket_, SHUT_RDWR));
  }

 private:
  Result<void> must(Reply reply, const std::string& what) const {
    if (!reply) return fail(connection_.error(reply.error(), plan_.place.text() + ": " + what));
    return {};
  }

  Connection connection_;
  int socket_;
  const ReadPlan& plan_;
  const ReadParts& parts_;
  std::shared_ptr<BuilderPool> pool_;
};

}  // namespace

Result<std::unique_ptr<PartReader>> open_part_reader(Connection connection, const ReadPlan& plan,
                                                     const ReadParts& parts, const std::string& snapshot) {
  auto reader = std::make_unique<TablePartReader>(std::move(connection), plan, parts);
  SLUICE_TRY(const bool begun, reader->begin(snapshot));
  return begun ? std::unique_ptr<PartReader>(std::move(reader)) : nullptr;
}

}  // namespace sluice::postgres
