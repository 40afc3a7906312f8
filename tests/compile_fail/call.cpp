// Calls that cannot be made in another process.
#include "call.hpp"

#include <functional>
#include <string>
#include <string_view>

struct Counter {
  int n = 0;
  void move_to(int& a) const { a = n; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& n;
  }
};
struct Add {
  int k;
  int operator()(int a) const { return a + k; }
};

int length(std::string text) { return static_cast<int>(text.size()); }
int add(int a, int b = 1) { return a + b; }
int add_three(int a, int b, int c) { return a + b + c; }
int twice(int a) { return 2 * a; }
int choose(int a) { return 2 * a; }
double choose(double a) { return 2 * a; }
void increase(int& a) { ++a; }
void increase_second(int, int& a) { ++a; }
int first(const char* text) { return text[0]; }
double* nowhere(int) { return nullptr; }
std::string_view name() { return "name"; }

// expect: the function cannot be called with these arguments
void argument_that_does_not_convert() { call(length, 1); }

// expect: too few or too many arguments for this function
void too_few_arguments() { call(add_three, 1); }

// expect: too few or too many arguments for this function
void too_many_arguments() { call(twice, 1, 2); }

// expect: a default argument does not count
void default_argument() { call(add, 1); }

// expect: the function cannot be called with these arguments
void generic_lambda_with_too_few_arguments() {
  call([](auto a, auto b) { return a + b; }, 1);
}

// expect: which function? This name is overloaded or a template
// expect: static_cast<Result (*)(Parameters...)>(name)
void overloaded_name() { call(choose, 1); }

// expect: a lambda that captures cannot be called in another process
// expect: mpx::bind_front
void capturing_lambda(int k) {
  call([k](int a) { return a + k; }, 1);
}

// expect: a std::function cannot be called in another process
// expect: mpx::bind_front
void std_function(const std::function<int(int)>& function) { call(function, 1); }

// expect: this cannot be called in another process
// expect: mpx::bind_front
void std_bind_front() { call(std::bind_front(twice, 1)); }

// expect: this cannot be called in another process
// expect: a Boost serialize
void function_object_without_serialize() { call(Add{1}, 1); }

// expect: this cannot be called in another process
void text() { call("ls -l"); }

// expect: a parameter that is a non-const reference would change a copy
void mutable_reference_parameter() { call(increase, 1); }

// expect: a parameter that is a non-const reference would change a copy
void mutable_reference_of_bound_function() { call(mpx::bind_front(increase_second, 1), 1); }

// expect: a parameter that is a non-const reference would change a copy
void mutable_reference_of_member_function() { call(&Counter::move_to, Counter{}, 1); }

// expect: the function cannot be called with these arguments
void generic_mutable_reference() {
  call([](auto& a) { ++a; }, 1);
}

// expect: a raw pointer cannot travel between processes
void raw_pointer_argument(int* value) {
  call([](auto) {}, value);
}

// expect: a raw pointer cannot travel between processes
void bound_raw_pointer(short* value) {
  call(mpx::bind_front([](auto) {}, value));
}

// expect: a raw-pointer parameter cannot be filled in another process
void raw_pointer_parameter() { call(first, "text"); }

// expect: a raw-pointer parameter cannot be filled in another process
void raw_pointer_parameter_of_lambda() {
  call([](int, double* to) { *to = 1; }, 1, 2.0);
}

// expect: a raw pointer cannot travel between processes
void raw_pointer_result() { call(nowhere, 1); }

// expect: a view (std::string_view, std::span, std::reference_wrapper
void reference_wrapper_argument(int value) {
  call([](int) {}, std::ref(value));
}

// expect: a view (std::string_view, std::span
// expect: send a std::string or a std::vector
void view_result() { call(name); }
