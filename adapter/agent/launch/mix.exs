# Does what the `mix` command does, under the debugger: arguments are a task and its arguments. Holds no logic.
:ecd_mix.main(System.argv())
