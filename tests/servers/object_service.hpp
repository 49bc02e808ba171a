// A double of S3 for tests and benchmarks: strict, quick, able to fail on purpose. See README.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fault_list.hpp"
#include "http_loop.hpp"
#include "object_data.hpp"
#include "signature.hpp"

namespace sluice::servers {

struct ObjectServiceOptions {
  std::string region = "us-east-1";  // of every bucket
  std::chrono::milliseconds delay{0};
  std::uint64_t seed = 1;
  std::optional<SigningKey> key{};  // requests must be signed by it; empty: nothing is looked at
};

class ObjectService {
 public:
  ObjectService(ObjectServiceOptions options, HttpLoop& loop);

  void handle(HttpLoop::Ticket ticket, const HttpRequest& request);
  // False, with the reason, when there is no such fault.
  bool add_fault(const Parameters& parameters, std::string& problem);
  void make_bucket(const std::string& name) { buckets_[name]; }

 private:
  struct ErrorKind {
    int status;
    std::string_view code;
    std::string_view message;
  };
  // What the faults that strike one call change about it.
  struct Effects {
    const ErrorKind* error = nullptr;
    bool cut_before = false;
    Ending ending = Ending::keep;
    std::chrono::milliseconds delay{0};
    std::chrono::milliseconds drip{0};
    bool error_in_200 = false;
    bool web_page = false;
    bool wrong_checksum = false;
    bool flipped = false;
    bool overwrite = false;
    bool no_range = false;
    bool elsewhere = false;
  };
  struct FaultRow {
    std::string_view name;
    void (*apply)(Effects&, std::chrono::milliseconds);
  };
  static const std::map<std::string_view, ErrorKind> error_table;
  static const std::vector<FaultRow> fault_table;

  struct Work {
    HttpLoop::Ticket ticket;
    const HttpRequest& request;
    Parameters query{};
    std::string_view action{};
    std::string bucket_name{};
    Bucket* bucket = nullptr;
    std::string key{};
    Effects effects{};
  };

  bool route(Work& work);
  bool good_signature(const Work& work);
  bool good_body(const Work& work);
  void run(Work& work);

  void create_bucket(Work& work);
  void list_objects(Work& work);
  void list_uploads(Work& work);
  void get_object(Work& work);
  void put_object(Work& work);
  void delete_object(Work& work);
  void create_upload(Work& work);
  void upload_part(Work& work);
  void complete_upload(Work& work);
  void abort_upload(Work& work);
  // Why the parts that a completion names cannot be the object; empty: `object` is made of them.
  std::string_view join(const Work& work, const Upload& upload, Object& object) const;
  bool condition_holds(const Work& work);
  void store(Work& work, Object object);

  void fail(const Work& work, std::string_view code);
  void fail(const Work& work, const ErrorKind& kind);
  void answer(const Work& work, int status, std::string_view body, std::string headers = {});

  void control(HttpLoop::Ticket ticket, const HttpRequest& request);
  std::string stats() const;

  std::string next_id();
  std::string etag_of(std::string_view bytes);
  Millis now() const;

  ObjectServiceOptions options_;
  HttpLoop& loop_;
  FaultList faults_;
  std::map<std::string, Bucket, std::less<>> buckets_;
  std::map<std::string, std::uint64_t> calls_;
  std::uint64_t bytes_in_ = 0;   // of the bodies of requests
  std::uint64_t bytes_out_ = 0;  // of objects, in the bodies of answers
  std::uint64_t serial_ = 0;
  Millis clock_offset_ = 0;
  std::deque<std::string> log_;  // "GetObject KEY FIRST-LAST STATUS", the latest
};

}  // namespace sluice::servers
