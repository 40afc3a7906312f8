#pragma once

namespace mpx::detail {

// What a program inherits from whoever started it, and libmpx relies on. All of these are called
// while the program has one thread.

/// Opens /dev/null as each of the descriptors 0 to 2 that is closed: else the next one that is opened,
/// a socket of libmpx or MPI perhaps, would be the program's standard input or output.
void open_standard_descriptors();

/// Makes SIGCHLD tell of children, and lets in the signals that end a rank or ask something of it.
void allow_relied_on_signals();

/// Raises the soft limit of open files to the hard one (a million at most): a rank has one for each
/// of its processes.
void raise_open_files();

/// In the fork server, for the processes to come: standard input is empty, as in Python.
void empty_standard_input();

/// In the fork server: signals that are ignored, by inheritance or by the program, are not for its
/// processes, but for those that users expect to stay so: by nohup and shells (HUP, INT, QUIT, TSTP,
/// TTIN, TTOU), and PIPE, which programs ignore for themselves.
void reset_ignored_signals();

/// In a child: gives it the soft limit of open files back that raise_open_files() found; its code may
/// use select(), which ends at descriptor 1023.
void restore_open_files();

}  // namespace mpx::detail
