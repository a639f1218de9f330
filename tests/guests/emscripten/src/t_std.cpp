// The C++ library: thread, mutex, condition_variable, future, async, packaged_task, call_once, shared_mutex, chrono.
#include <chrono>
#include <condition_variable>
#include <future>
#include <iostream>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

static long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

int main() {
  std::mutex mutex;
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 5; i++)
    threads.emplace_back([&, i] {
      std::lock_guard<std::mutex> guard(mutex);
      order.push_back(i);
    });
  for (auto &thread : threads) thread.join();
  std::cout << "sum of " << order.size() << ": " << std::accumulate(order.begin(), order.end(), 0) << "\n";

  std::vector<std::future<long>> futures;
  for (int n : {15, 20, 18}) futures.push_back(std::async(std::launch::async, fib, n));
  for (auto &future : futures) std::cout << "fib " << future.get() << "\n";

  auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("from a thread"); });
  try {
    failing.get();
  } catch (const std::runtime_error &error) {
    std::cout << "caught " << error.what() << "\n";
  }

  std::promise<std::string> promise;
  std::thread teller([&] { promise.set_value("told"); });
  std::cout << promise.get_future().get() << "\n";
  teller.join();

  std::packaged_task<int(int, int)> task([](int a, int b) { return a * b; });
  auto product = task.get_future();
  std::thread(std::move(task), 6, 7).detach();
  std::cout << "product " << product.get() << "\n";

  std::once_flag flag;
  int runs = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; i++) callers.emplace_back([&] { std::call_once(flag, [&] { runs++; }); });
  for (auto &caller : callers) caller.join();
  std::cout << "once " << runs << "\n";

  std::shared_mutex shared;
  int value = 0;
  std::thread writer([&] {
    for (int i = 0; i < 1000; i++) {
      std::unique_lock<std::shared_mutex> lock(shared);
      value++;
      value++;
    }
  });
  bool odd = false;
  for (int i = 0; i < 1000; i++) {
    std::shared_lock<std::shared_mutex> lock(shared);
    odd |= value % 2;
  }
  writer.join();
  std::cout << "value " << value << " odd " << odd << "\n";

  std::condition_variable changed;
  std::unique_lock<std::mutex> lock(mutex);
  auto status = changed.wait_for(lock, std::chrono::milliseconds(10));
  std::cout << "timeout " << (status == std::cv_status::timeout) << "\n";
  std::cout << "ids differ " << (std::this_thread::get_id() != std::thread::id()) << "\n";
}
