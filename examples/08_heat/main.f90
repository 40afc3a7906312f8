! The heat equation from Fortran; as main.cpp.

program heat
  use, intrinsic :: iso_c_binding, only: c_char, c_int, c_null_char
  use mpi
  implicit none

  interface
    function heat_prepare() bind(c) result(status)
      import :: c_int
      integer(c_int) :: status
    end function
    ! The communicator is a Fortran handle.
    function heat_solve(communicator, points, steps, log_file) bind(c) result(status)
      import :: c_char, c_int
      integer, value :: communicator
      integer(c_int), value :: points, steps
      character(kind=c_char), intent(in) :: log_file(*)
      integer(c_int) :: status
    end function
  end interface

  character(len=16) :: name = 'funneled'
  character(len=4096) :: log_file = 'heat.log'
  integer :: level, provided, error
  integer(c_int) :: status

  if (command_argument_count() > 0) call get_command_argument(1, name)
  if (command_argument_count() > 1) call get_command_argument(2, log_file)
  select case (name)
  case ('single')
    level = MPI_THREAD_SINGLE
  case ('funneled')
    level = MPI_THREAD_FUNNELED
  case ('serialized')
    level = MPI_THREAD_SERIALIZED
  case ('multiple')
    level = MPI_THREAD_MULTIPLE
  case default
    error stop 'usage: 08_heat_fortran [single | funneled | serialized | multiple [log file]]'
  end select

  if (heat_prepare() /= 0) stop 1
  call MPI_Init_thread(level, provided, error)
  status = heat_solve(MPI_COMM_WORLD, 60_c_int, 500_c_int, trim(log_file)//c_null_char)
  call MPI_Finalize(error)
  if (status /= 0) stop 1
end program
