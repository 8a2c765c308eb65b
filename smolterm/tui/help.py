"""The keys, as text."""

HELP = """\
In the prompt   Enter sends · shift+enter, alt+enter or ctrl+j begin a line · up and down recall
                Page up and page down move through the steps · Tab goes to them
In the steps    up, down, j, k choose · Home, End, page up, page down move · Enter shows all of one
                c copies its code, o its output, r its reasoning
At a question   a approve · e edit, then run · r reject with a reason · s stop the task · c copy
In the editor   ctrl+s or F5 runs what stands there · escape goes back
Anywhere        ctrl+c interrupts, twice quits · ctrl+q quits · F1 help · F2 dark or light
Commands        /help · /model NAME · /copy [code|output|reasoning] · /theme · /quit
                /undo-context sends in full again what was shortened to save room"""
