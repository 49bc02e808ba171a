// What a source hands over at once, and what is said about it afterwards.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/core/result.hpp"

namespace sluice {

// What makes a message this message and no other: 16 bytes, stored in the ledger as a uuid.
// Keys made of a send time grow with it, so that inserts go to one side of the index.
struct Key {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const Key&) const = default;
};

// One input row, as the queue or the object holds it. Views are valid as long as the Delivery's memory.
struct Message {
  Key key;
  std::string_view body;
  std::string_view message_id;
  std::int64_t sent_at = 0;  // microseconds since 1970 UTC
  std::uint32_t receive_count = 1;
  // A JSON object, or empty: the message's own attributes; for a row of an object what object it is and its header,
  // one view for all rows of it.
  std::string_view attributes;
  std::uint64_t line = 0;  // of an object, where the row begins, from 1; 0: a queue's message
};

// What the source needs to forget a delivery: a number it gave out, never reused in a process.
struct Receipt {
  std::uint64_t number = 0;
};

// How the sink proves that it holds a message.
enum class Proof {
  message_keys,  // the ledger lists the key of each message
  reject_ids,    // a replay: the reject whose id is the message's key is removed with the commit
  objects,       // the ledger lists each object and its version
};

// One object of a delivery, as the ledger names it.
struct ObjectProof {
  std::string uri;
  std::string version;
  std::uint64_t bytes = 0;
  auto operator<=>(const ObjectProof&) const = default;
};

// How far an object has been read: where its next row begins.
struct Progress {
  std::uint64_t rows = 0;    // before it; 0: nothing is there yet
  std::uint64_t offset = 0;  // of the unpacked bytes; of a format that is no lines of text 0
  std::uint64_t line = 1;
  bool operator==(const Progress&) const = default;
};

// What the ledger says of an object whose first rows were committed and whose last ones were not.
struct BegunObject {
  std::string version;
  std::string definition;  // see Target
  Progress upto;
};
// What stands in the ledger in front of the version of an object that doubt() was called for.
inline constexpr std::string_view doubted = "damaged ";
// Why a load cannot go on from there; `forget` is how to make the ledger forget it.
Error cannot_go_on(const ObjectProof& object, const BegunObject& begun, const std::string& forget);

// By message, or by object where objects are the proof: true if the far end held it already, or the delivery names it
// twice (the later ones).
using Known = std::vector<bool>;

class Parts;

struct Delivery {
  std::vector<Message> messages;
  std::shared_ptr<const void> memory;  // what the views point into
  std::size_t bytes = 0;               // how much memory that is, about
  Proof proof = Proof::message_keys;
  Receipt receipt;
  // Where objects are the proof: which they are, and where their rows come from; `messages` is empty then.
  std::vector<ObjectProof> objects;
  std::shared_ptr<Parts> parts;
  Progress upto;  // of a part: how far its object is read with it
};

// The rows of a delivery that is too large for memory, part by part. One thread at a time.
class Parts {
 public:
  virtual ~Parts() = default;
  // From the first row of the first object that is not known; also after a part failed.
  virtual Result<void> start(const Known& known) = 0;
  // After start(), where one object is left: the rows before that point are skipped.
  virtual Result<void> go_on_from(const Progress& upto) = 0;
  // Replaces `part` by the next messages, valid as long as its memory. False: there are no more.
  virtual Result<bool> next(Delivery& part) = 0;
  // Before another attempt: what was overwritten meanwhile is taken in its new version.
  virtual Result<void> look_again(std::vector<ObjectProof>& objects) = 0;
};

enum class Stage : std::uint8_t { decode, contract, select, mask, sink };
std::string_view to_string(Stage stage);

// A message that broke the contract or that the sink refused. Never holds a value of it.
struct Reject {
  std::uint32_t message = 0;  // its number in the delivery
  Stage stage = Stage::decode;
  std::string reason;  // a code: "missing_field", "out_of_range", "check_violation"
  std::string column;  // may be empty
  std::string text;    // one sentence for a person, without values
};

// A reject as the ledger keeps it: the message is sealed, so that nothing of it can leak.
struct SealedReject {
  Reject reject;
  Key key;
  std::string payload;  // sealed bytes; see mask/seal.hpp
};

// What a commit made durable, in messages.
struct Written {
  std::uint64_t written = 0;   // with at least one row
  std::uint64_t rows = 0;      // rows in the target: unnest makes more, filters fewer
  std::uint64_t filtered = 0;  // left out by the select on purpose
  std::uint64_t rejected = 0;
  std::uint64_t known = 0;  // already there

  void add(const Written& more) {
    written += more.written;
    rows += more.rows;
    filtered += more.filtered;
    rejected += more.rejected;
    known += more.known;
  }
};

}  // namespace sluice
