# fish completion for asstctl; written by: python completions/make.py
complete -c asstctl -f

function __asstctl_words -d 'The commands and arguments so far, without options and their values'
    set -l skip no
    for token in (commandline -opc)[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $token --agent --api-key-env --api-version --assistant-id --at --auth --backend --config --directory --endpoint --fields --file --format --history --install-completion --instructions --last --limit --message --metadata --model --name --output --profile --role --save-files --schema --show-completion --since --system --thread --timeout --to --typing-delay -d -f -m -o -p -s -t
            set skip yes
        else if not string match -q -- '-*' $token
            echo $token
        end
    end
end

function __asstctl_ask -d 'The threads or profiles that there are'
    set -l program (commandline -opc)[1]
    $program __complete $argv[1] (commandline -ct)
end

function __asstctl_in -d 'Whether the command line begins with these words'
    set -l words (__asstctl_words)
    set -l depth (count $argv)
    test (count $words) -lt $depth; and return 1
    test "$words[1..$depth]" = "$argv"
end

function __asstctl_at -d 'Whether these words are all so far'
    test "$(__asstctl_words | string join ' ')" = "$argv"
end

function __asstctl_after -d 'Whether so many words, with + at least so many, follow these ones'
    __asstctl_in $argv[2..-1]; or return 1
    set -l more (math (count (__asstctl_words)) - (count $argv) + 1)
    if string match -q '*+' $argv[1]
        test $more -ge (string trim -r -c + $argv[1])
    else
        test $more -eq $argv[1]
    end
end

complete -c asstctl -k -n '__asstctl_at' -a ask -d 'Say something once and stream the reply.'
complete -c asstctl -k -n '__asstctl_at' -a chat -d 'Talk: a prompt, a streamed reply, until `exit`, an empty line or Ctrl-D.'
complete -c asstctl -k -n '__asstctl_at' -a threads -d 'Make, list, show, read, move, rename and delete threads.'
complete -c asstctl -k -n '__asstctl_at' -a assistants -d 'Look at the assistants, or agents, that the server keeps.'
complete -c asstctl -k -n '__asstctl_at' -a models -d 'Look at the models that the profile can have.'
complete -c asstctl -k -n '__asstctl_at' -a config -d 'Write, show and change settings.'
complete -c asstctl -k -n '__asstctl_at' -a help -d 'Show the help of a command, or of: exit-codes, references.'
complete -c asstctl -k -n '__asstctl_at' -a doctor -d 'Check that all is well: settings, key, server, store; say what to do.'
complete -c asstctl -n '__asstctl_at' -l config -d 'Read this settings file.' -r -F
complete -c asstctl -n '__asstctl_at' -l debug -d 'Show requests, and where an error comes from.'
complete -c asstctl -n '__asstctl_at' -l install-completion -d 'Install completion for your shell, or this one.' -x -k -a 'bash zsh fish powershell'
complete -c asstctl -n '__asstctl_at' -l show-completion -d 'Print the script that it installs.' -x -k -a 'bash zsh fish powershell'
complete -c asstctl -n '__asstctl_at' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_at' -s V -l version -d 'Print the version.'
complete -c asstctl -n '__asstctl_at' -s h -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in ask' -s t -l thread -d 'The thread to say it to. Id, prefix, name, @last, @2.' -x -k -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in ask' -s c -l continue -d 'Say it to the last thread: -t @last.'
complete -c asstctl -n '__asstctl_in ask' -s f -l file -d 'Bring a text, image or document; may be repeated.' -r -F
complete -c asstctl -n '__asstctl_in ask' -s o -l output -d 'The reply\'s form; on a terminal markdown, else plain.' -x -k -a 'plain markdown json code'
complete -c asstctl -n '__asstctl_in ask' -s s -l system -l instructions -d 'What the model is told before the thread.' -x -k
complete -c asstctl -n '__asstctl_in ask' -s m -l model -d 'The model that replies, by name or as a path to a GGUF file.' -x -k
complete -c asstctl -n '__asstctl_in ask' -l schema -d 'Ask for JSON of this schema, and write it plainly.' -r -F
complete -c asstctl -n '__asstctl_in ask' -l print-id -d 'Print the thread\'s id on stderr at the end.'
complete -c asstctl -n '__asstctl_in ask' -l timeout -d 'Seconds without a byte before a server counts as gone.' -x -k
complete -c asstctl -n '__asstctl_in ask' -l typing-delay -d 'Pause after each word, as if typed.' -x -k
complete -c asstctl -n '__asstctl_in ask' -l stats -d 'Print times and tokens on stderr at the end.'
complete -c asstctl -n '__asstctl_in ask' -l wait -d 'Where the thread has an active run, wait for its end.'
complete -c asstctl -n '__asstctl_in ask' -l cancel-active -d 'Where the thread has an active run, cancel it.'
complete -c asstctl -n '__asstctl_in ask' -l yes -d 'Run the profile\'s tools without asking.'
complete -c asstctl -n '__asstctl_in ask' -l show-reasoning -d 'Show the model\'s reasoning on stderr.'
complete -c asstctl -n '__asstctl_in ask' -s x -l extract -d 'Write the last fenced code of the reply alone.'
complete -c asstctl -n '__asstctl_in ask' -l save-files -d 'Write files and images that the reply made to a folder.' -x -k -a '(__fish_complete_directories (commandline -ct))'
complete -c asstctl -n '__asstctl_in ask' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in ask' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in chat' -l history -d 'Messages to show of a thread that is opened.' -x -k
complete -c asstctl -n '__asstctl_in chat' -l commands -d 'Obey /commands that are piped in, too.'
complete -c asstctl -n '__asstctl_in chat' -s t -l thread -d 'The thread to say it to. Id, prefix, name, @last, @2.' -x -k -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in chat' -s c -l continue -d 'Say it to the last thread: -t @last.'
complete -c asstctl -n '__asstctl_in chat' -s f -l file -d 'Bring a text, image or document; may be repeated.' -r -F
complete -c asstctl -n '__asstctl_in chat' -s o -l output -d 'The reply\'s form; on a terminal markdown, else plain.' -x -k -a 'plain markdown json code'
complete -c asstctl -n '__asstctl_in chat' -s s -l system -l instructions -d 'What the model is told before the thread.' -x -k
complete -c asstctl -n '__asstctl_in chat' -s m -l model -d 'The model that replies, by name or as a path to a GGUF file.' -x -k
complete -c asstctl -n '__asstctl_in chat' -l schema -d 'Ask for JSON of this schema, and write it plainly.' -r -F
complete -c asstctl -n '__asstctl_in chat' -l print-id -d 'Print the thread\'s id on stderr at the end.'
complete -c asstctl -n '__asstctl_in chat' -l timeout -d 'Seconds without a byte before a server counts as gone.' -x -k
complete -c asstctl -n '__asstctl_in chat' -l typing-delay -d 'Pause after each word, as if typed.' -x -k
complete -c asstctl -n '__asstctl_in chat' -l stats -d 'Print times and tokens on stderr at the end.'
complete -c asstctl -n '__asstctl_in chat' -l wait -d 'Where the thread has an active run, wait for its end.'
complete -c asstctl -n '__asstctl_in chat' -l cancel-active -d 'Where the thread has an active run, cancel it.'
complete -c asstctl -n '__asstctl_in chat' -l yes -d 'Run the profile\'s tools without asking.'
complete -c asstctl -n '__asstctl_in chat' -l show-reasoning -d 'Show the model\'s reasoning on stderr.'
complete -c asstctl -n '__asstctl_in chat' -s x -l extract -d 'Write the last fenced code of the reply alone.'
complete -c asstctl -n '__asstctl_in chat' -l save-files -d 'Write files and images that the reply made to a folder.' -x -k -a '(__fish_complete_directories (commandline -ct))'
complete -c asstctl -n '__asstctl_in chat' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in chat' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_at threads' -a new -d 'Make an empty thread and print its id.'
complete -c asstctl -k -n '__asstctl_at threads' -a list -d 'List the threads that asstctl knows, the one used last first.'
complete -c asstctl -k -n '__asstctl_at threads' -a show -d 'Show one thread\'s facts.'
complete -c asstctl -k -n '__asstctl_at threads' -a add -d 'Adopt a thread that was made elsewhere, if it is there.'
complete -c asstctl -k -n '__asstctl_at threads' -a unlock -d 'End the run that locks a thread, so that it takes prompts again.'
complete -c asstctl -k -n '__asstctl_at threads' -a recover -d 'Fetch the last reply again, whole: after a cut, or from another machine.'
complete -c asstctl -k -n '__asstctl_at threads' -a rename -d 'Name a thread; the name can be used in place of its id.'
complete -c asstctl -k -n '__asstctl_at threads' -a history -d 'Write every message of a thread, oldest first.'
complete -c asstctl -k -n '__asstctl_at threads' -a fetch -d 'Bring what is kept of threads up to date: messages, runs, facts, files.'
complete -c asstctl -k -n '__asstctl_at threads' -a delete -d 'Delete threads, and all messages in them.'
complete -c asstctl -k -n '__asstctl_at threads' -a export -d 'Write threads as files, one a thread; a file that would not change is left...'
complete -c asstctl -k -n '__asstctl_at threads' -a import -d 'Read threads from files into the profile; a second run reads only what is new.'
complete -c asstctl -k -n '__asstctl_at threads' -a copy -d 'Copy threads to another profile\'s server; a second run copies only what is new.'
complete -c asstctl -k -n '__asstctl_at threads' -a fork -d 'Make a new thread of a thread\'s messages, on the same server, and print its id.'
complete -c asstctl -k -n '__asstctl_at threads' -a search -d 'Search for words in what is kept of threads, the best of the newest first.'
complete -c asstctl -k -n '__asstctl_at threads' -a backup -d 'Write all that is kept here, files too, to one zip.'
complete -c asstctl -k -n '__asstctl_at threads' -a restore -d 'Put a backup into the place of what is kept here, which stays beside it.'
complete -c asstctl -n '__asstctl_at threads' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in threads new' -l name -d 'Name it.' -x -k
complete -c asstctl -n '__asstctl_in threads new' -l metadata -d 'Note a fact; may be repeated.' -x -k
complete -c asstctl -n '__asstctl_in threads new' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads new' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in threads list' -l remote -d 'Ask the server, and mark what is new.'
complete -c asstctl -n '__asstctl_in threads list' -l limit -d 'At most so many.' -x -k
complete -c asstctl -n '__asstctl_in threads list' -s o -l output -d 'The form of the output.' -x -k -a 'table tsv json'
complete -c asstctl -n '__asstctl_in threads list' -s q -l quiet -d 'Print ids alone.'
complete -c asstctl -n '__asstctl_in threads list' -l fields -d 'Of JSON these fields alone, of each row.' -x -k
complete -c asstctl -n '__asstctl_in threads list' -l since -d 'Used since T: a date, or an age: 2h, 3d, 1w.' -x -k
complete -c asstctl -n '__asstctl_in threads list' -l name -d 'With this in the name, the title or the id.' -x -k
complete -c asstctl -n '__asstctl_in threads list' -l backend -d 'Of this backend.' -x -k -a 'assistants responses local'
complete -c asstctl -n '__asstctl_in threads list' -l size -d 'Show how much of each thread is kept here.'
complete -c asstctl -n '__asstctl_in threads list' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads list' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in threads show' -s o -l output -d 'The form of the output.' -x -k -a 'text json'
complete -c asstctl -n '__asstctl_in threads show' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads show' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads show' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads add' -l name -d 'Name it.' -x -k
complete -c asstctl -n '__asstctl_in threads add' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads add' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in threads unlock' -l wait -d 'Wait for the run, do not cancel it.'
complete -c asstctl -n '__asstctl_in threads unlock' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads unlock' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads unlock' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads recover' -s o -l output -d 'The reply\'s form; on a terminal markdown, else plain.' -x -k -a 'plain markdown json code'
complete -c asstctl -n '__asstctl_in threads recover' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads recover' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads recover' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads rename' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads rename' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads rename' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads history' -l last -d 'Only the last N messages.' -x -k
complete -c asstctl -n '__asstctl_in threads history' -l since -d 'Only messages since T: 2026-11-22, 2026-11-22T10:00, 90m, 2h, 3d, 1w.' -x -k
complete -c asstctl -n '__asstctl_in threads history' -l role -d 'Only one side\'s messages.' -x -k -a 'user assistant system developer'
complete -c asstctl -n '__asstctl_in threads history' -l kept -d 'Ask no server: read what is kept here.'
complete -c asstctl -n '__asstctl_in threads history' -l follow -d 'Go on with new messages, until Ctrl-C.'
complete -c asstctl -n '__asstctl_in threads history' -l no-pager -d 'Use no $PAGER on a terminal.'
complete -c asstctl -n '__asstctl_in threads history' -s o -l output -l format -d 'Default: drawn on a terminal, else text.' -x -k -a 'text markdown json jsonl html'
complete -c asstctl -n '__asstctl_in threads history' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads history' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads history' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads fetch' -l all -d 'Every thread in the index.'
complete -c asstctl -n '__asstctl_in threads fetch' -l remote -d 'Every thread that the server lists.'
complete -c asstctl -n '__asstctl_in threads fetch' -l no-files -d 'Fetch no contents of files; keep those that are here.'
complete -c asstctl -n '__asstctl_in threads fetch' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads fetch' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0+ threads fetch' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads delete' -s y -l yes -d 'Do not ask.'
complete -c asstctl -n '__asstctl_in threads delete' -l keep-remote -d 'Forget them here, keep them on the server.'
complete -c asstctl -n '__asstctl_in threads delete' -l kept -d 'Delete what is kept here alone, leave the threads.'
complete -c asstctl -n '__asstctl_in threads delete' -l all -d 'With --kept: of every thread of a server.'
complete -c asstctl -n '__asstctl_in threads delete' -l message -d 'Delete one message of a thread alone.' -x -k
complete -c asstctl -n '__asstctl_in threads delete' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads delete' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0+ threads delete' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads export' -l all -d 'Every thread in the index.'
complete -c asstctl -n '__asstctl_in threads export' -s d -l directory -d 'Where to put the files.' -x -k -a '(__fish_complete_directories (commandline -ct))'
complete -c asstctl -n '__asstctl_in threads export' -l format -d 'json can be imported again.' -x -k -a 'json markdown text jsonl html'
complete -c asstctl -n '__asstctl_in threads export' -l kept -d 'Ask no server: read what is kept here.'
complete -c asstctl -n '__asstctl_in threads export' -l no-files -d 'Fetch no contents of files; keep those that are here.'
complete -c asstctl -n '__asstctl_in threads export' -l replace -d 'Also over a file that holds more.'
complete -c asstctl -n '__asstctl_in threads export' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads export' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0+ threads export' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads import' -l dry-run -d 'Say what would happen, and do nothing.'
complete -c asstctl -n '__asstctl_in threads import' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads import' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_after 0+ threads import' -F
complete -c asstctl -n '__asstctl_in threads copy' -l to -d 'Where to copy them.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads copy' -l all -d 'Every thread in the index that is not there, nor a copy.'
complete -c asstctl -n '__asstctl_in threads copy' -l remote -d 'Every thread that the server lists.'
complete -c asstctl -n '__asstctl_in threads copy' -l dry-run -d 'Say what would happen, and do nothing.'
complete -c asstctl -n '__asstctl_in threads copy' -l no-files -d 'Fetch and upload no files: placeholders do.'
complete -c asstctl -n '__asstctl_in threads copy' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads copy' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0+ threads copy' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads fork' -l at -d 'Up to this message: its id or number.' -x -k
complete -c asstctl -n '__asstctl_in threads fork' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads fork' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 threads fork' -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads search' -l role -d 'Who said it.' -x -k -a 'user assistant system developer'
complete -c asstctl -n '__asstctl_in threads search' -l since -d 'A date, or an age: 2h, 3d, 1w.' -x -k
complete -c asstctl -n '__asstctl_in threads search' -s t -l thread -d 'In this thread alone.' -x -k -a '(__asstctl_ask threads)'
complete -c asstctl -n '__asstctl_in threads search' -l limit -d 'At most so many.' -x -k
complete -c asstctl -n '__asstctl_in threads search' -s o -l output -d 'The form of the output.' -x -k -a 'table tsv json'
complete -c asstctl -n '__asstctl_in threads search' -l fields -d 'Of JSON these fields alone, of each row.' -x -k
complete -c asstctl -n '__asstctl_in threads search' -l fetch -d 'Bring what is kept up to date before.'
complete -c asstctl -n '__asstctl_in threads search' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads search' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in threads backup' -l force -d 'Overwrite what is there.'
complete -c asstctl -n '__asstctl_in threads backup' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads backup' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_after 0 threads backup' -F
complete -c asstctl -n '__asstctl_in threads restore' -s y -l yes -d 'Do not ask.'
complete -c asstctl -n '__asstctl_in threads restore' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in threads restore' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_after 0 threads restore' -F
complete -c asstctl -k -n '__asstctl_at assistants' -a list -d 'List the assistants of the profile\'s server.'
complete -c asstctl -k -n '__asstctl_at assistants' -a show -d 'Show one assistant, as the server describes it.'
complete -c asstctl -n '__asstctl_at assistants' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in assistants list' -s o -l output -d 'The form of the output.' -x -k -a 'table tsv json'
complete -c asstctl -n '__asstctl_in assistants list' -s q -l quiet -d 'Print ids alone.'
complete -c asstctl -n '__asstctl_in assistants list' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in assistants list' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in assistants show' -s o -l output -d 'The form of the output.' -x -k -a 'text json'
complete -c asstctl -n '__asstctl_in assistants show' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in assistants show' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_at models' -a list -d 'List the models of the profile\'s server, the profile\'s own marked.'
complete -c asstctl -n '__asstctl_at models' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in models list' -s o -l output -d 'The form of the output.' -x -k -a 'table tsv json'
complete -c asstctl -n '__asstctl_in models list' -s q -l quiet -d 'Print names alone.'
complete -c asstctl -n '__asstctl_in models list' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in models list' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_at config' -a init -d 'Write a profile: asks for the settings that its backend needs, or takes them...'
complete -c asstctl -k -n '__asstctl_at config' -a show -d 'Show the settings in force.'
complete -c asstctl -k -n '__asstctl_at config' -a get -d 'Print the value in force of one setting.'
complete -c asstctl -k -n '__asstctl_at config' -a set -d 'Write one setting; comments and order stay.'
complete -c asstctl -k -n '__asstctl_at config' -a unset -d 'Remove one setting; comments and order stay.'
complete -c asstctl -k -n '__asstctl_at config' -a edit -d 'Open the settings file in $EDITOR; what is no settings file is not written.'
complete -c asstctl -k -n '__asstctl_at config' -a path -d 'Print where the settings file is.'
complete -c asstctl -k -n '__asstctl_at config' -a key -d 'Keep a key in the system\'s keyring.'
complete -c asstctl -n '__asstctl_at config' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in config init' -l force -d 'Overwrite what is there.'
complete -c asstctl -n '__asstctl_in config init' -l no-input -d 'Do not ask; flags alone.'
complete -c asstctl -n '__asstctl_in config init' -l backend -d 'Which wire to speak: assistants, responses, local.' -x -k -a 'assistants responses local'
complete -c asstctl -n '__asstctl_in config init' -l endpoint -d 'The server\'s base URL.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l api-version -d 'The api-version that Azure wants.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l assistant-id -d 'The assistant that replies.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l api-key-env -d 'The variable that holds the key.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l auth -d 'How to sign in: key, or entra for Microsoft\'s.' -x -k -a 'key entra'
complete -c asstctl -n '__asstctl_in config init' -l agent -d 'The Foundry agent that replies, by name.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l model -d 'The model that replies, by name or as a path to a GGUF file.' -x -k
complete -c asstctl -n '__asstctl_in config init' -l instructions -d 'What the model is told before the thread.' -x -k
complete -c asstctl -n '__asstctl_in config init' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config init' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 config init' -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config show' -l origin -d 'Say where each value comes from.'
complete -c asstctl -n '__asstctl_in config show' -s o -l output -d 'The form of the output.' -x -k -a 'text json'
complete -c asstctl -n '__asstctl_in config show' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config show' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in config get' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config get' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 config get' -a 'backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout'
complete -c asstctl -n '__asstctl_in config set' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config set' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 config set' -a 'backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout'
complete -c asstctl -n '__asstctl_at config set backend' -a 'assistants responses local'
complete -c asstctl -n '__asstctl_at config set truncation' -a 'auto disabled'
complete -c asstctl -n '__asstctl_at config set auth' -a 'key entra'
complete -c asstctl -n '__asstctl_at config set api_key_keyring' -a 'true false'
complete -c asstctl -n '__asstctl_at config set keep' -a 'true false'
complete -c asstctl -n '__asstctl_in config unset' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config unset' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0 config unset' -a 'backend endpoint api_version assistant_id model instructions agent agent_version tools truncation reasoning_summary schema auth api_key_env api_key_command api_key_keyring keep max_file timeout'
complete -c asstctl -n '__asstctl_in config edit' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config edit' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in config path' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config path' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_at config key' -a set -d 'Put the profile\'s key into the system\'s keyring: typed unseen, or piped in.'
complete -c asstctl -k -n '__asstctl_at config key' -a delete -d 'Delete the profile\'s key from the system\'s keyring.'
complete -c asstctl -n '__asstctl_at config key' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in config key set' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config key set' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in config key delete' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in config key delete' -l help -d 'Show this message and exit.'
complete -c asstctl -n '__asstctl_in help' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in help' -l help -d 'Show this message and exit.'
complete -c asstctl -k -n '__asstctl_after 0+ help' -a 'exit-codes references ask chat threads assistants models config help doctor'
complete -c asstctl -n '__asstctl_in doctor' -l ask -d 'Say one prompt too, and delete its thread.'
complete -c asstctl -n '__asstctl_in doctor' -s o -l output -d 'The form of the output.' -x -k -a 'text json'
complete -c asstctl -n '__asstctl_in doctor' -s p -l profile -d 'Use this profile\'s settings.' -x -k -a '(__asstctl_ask profiles)'
complete -c asstctl -n '__asstctl_in doctor' -l help -d 'Show this message and exit.'
